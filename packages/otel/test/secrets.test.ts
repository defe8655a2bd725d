import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { middleware, type CallEvent, type Middleware } from '@aplomb/pipeline'
import { traced, type Sdk } from './sdk.ts'
import { fieldName, password, token } from '../../aplomb/test/support/secrets.ts'

const scenario = fc.record({
  secret: token,
  word: password,
  name: fieldName,
  place: fc.constantFrom(
    ...([
      'query',
      'bare-query',
      'path',
      'header',
      'added-header',
      'added-query',
      'moved',
      'body',
      'key',
      'method',
    ] as const),
    ...(['endpoint', 'nowhere'] as const),
  ),
  echo: fc.constantFrom(
    ...(['message', 'text', 'nested', 'header', 'url', 'error', 'name', 'cause', 'aggregate'] as const),
  ),
  status: fc.constantFrom(200, 400, 401, 402, 403, 404, 422, 429, 500, 503),
  live: fc.boolean(),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

/** How the API, or what stands for it, says the secret again. */
const answer = ({ echo, status, name }: Scenario, secret: string) => {
  const failure = (message: string, options?: ErrorOptions): Error => new TypeError(message, options)
  const says = {
    message: () => ({ status, body: { error: { message: `Incorrect key provided: ${secret}.`, code: secret } } }),
    text: () => ({ status, headers: { 'content-type': 'text/plain' }, body: `denied for ${name}=${secret}; retry` }),
    nested: () => ({ status, body: { message: 'no', echo: { request: [{ [name]: secret }] } } }),
    header: () => ({ status, headers: { 'retry-after': '1', server: secret, 'x-ratelimit-limit': secret } }),
    url: () => ({ status, body: { message: `GET https://user:${secret}@api.example.com/?${name}=${secret} failed` } }),
    error: () => failure(`connect to https://user:${secret}@api.example.com/${secret}?${name}=${secret} failed`),
    name: () => Object.assign(failure(secret), { name: secret }),
    cause: () => {
      const root = Object.assign(failure(`at ${secret}`), { code: secret })
      return failure('fetch failed', { cause: failure('socket', { cause: root }) })
    },
    aggregate: () => failure('fetch failed', { cause: new AggregateError([failure(`tried ${secret}`)], 'all failed') }),
  }
  return says[echo]()
}

const requestWith = (place: Scenario['place'], name: string, secret: string): [string, RequestInit] => {
  const url = 'https://api.example.com/v1/things'
  const inUrl = encodeURIComponent(secret)
  if (place === 'query') return [`${url}?${name}=${inUrl}&page=2`, {}]
  if (place === 'bare-query') return [`${url}?${inUrl}`, {}]
  if (place === 'path') return [`${url}/${inUrl}/items`, {}]
  if (place === 'header' || place === 'moved')
    return [url, { headers: { [`x-${name}`]: secret, authorization: `Bearer ${secret}` } }]
  if (place === 'body') return [url, { method: 'POST', body: JSON.stringify({ [name]: secret }) }]
  return [url, place === 'method' ? { method: secret } : {}]
}

/** A middleware that signs, before or without our knowing. */
const adding = (place: Scenario['place'], secret: string): Middleware => {
  return async (request, next) => {
    if (place === 'added-header') request.headers.set('authorization', `Bearer ${secret}`)
    if (place === 'moved') return next(new Request(`${request.url}/${encodeURIComponent(secret)}`))
    return next(place === 'added-query' ? new Request(`${request.url}?api-key=${encodeURIComponent(secret)}`) : request)
  }
}

/** Says all that can be said in events, with the answer's words in them. */
const chatty = (secret: string): Middleware =>
  middleware('chatty', async (request, next, call) => {
    const say = (event: object): void => call.emit({ call: call.id, key: call.key, ...event } as CallEvent)
    const said = `Incorrect key: ${secret}`
    const tell = (): void => {
      say({ type: 'retry', by: said, attempt: 1, reason: said, waitMs: 0 })
      say({ type: 'hold', by: said, reason: said, waitMs: 0 })
      say({ type: 'queue', queued: 1, active: 1, limit: 1 })
      say({ type: 'limit', limit: 1, previous: 2, reason: said })
      say({ type: 'credits', endpoint: said, cost: 1, spent: 1, left: 2 })
      say({ type: 'alert', by: said, condition: said, message: said })
      call.giveUp(said, said)
    }
    return next(request).finally(tell)
  })

const everything = async ({ spans, metrics }: Sdk): Promise<string> =>
  JSON.stringify([
    spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    await metrics(),
  ])

const run = async (given: Scenario, secret: string): Promise<string> => {
  const { place, name, live } = given
  const sdk = traced(respond(answer(given, secret)), {
    below: [chatty(secret), adding(place, secret)],
    live,
    ...(place === 'key' && { pipeline: { key: secret } }),
    ...(place === 'endpoint' && { endpoint: () => `/v1/${secret}` }),
  })
  await sdk.fetch(...requestWith(place, name, secret)).catch(() => undefined)
  expect(sdk.spans()).toHaveLength(2)
  return everything(sdk)
}

describe('9. no secret is in any span or metric', () => {
  test('wherever it was put, and wherever the server or an error repeats it', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { secret } = given
        const all = await run(given, secret)
        expect(all).not.toContain(secret)
        expect(all).not.toContain(encodeURIComponent(secret))
      }),
      { numRuns: 1000 },
    )
  })

  test('not even a plain word, if a request holds it as a secret', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        fc.pre(['query', 'header', 'added-header', 'added-query', 'moved'].includes(given.place))
        expect(await run({ ...given, name: 'api-key' }, given.word)).not.toContain(given.word)
      }),
      { numRuns: 400 },
    )
  })

  test('users extend the redaction', async () => {
    const redact = { query: ['ip'], text: (text: string) => text.replaceAll('Acme', '[customer]') }
    const sdk = traced(respond(new TypeError('Acme is down')), { redact })
    await sdk.fetch('https://api.example.com/x?ip=10.0.0.1&colour=blue').catch(() => undefined)
    expect(sdk.spans()[0]).toMatchObject({
      attributes: { 'url.full': 'https://api.example.com/x?ip=10.0.0.1&colour=[redacted]' },
      status: { message: 'TypeError: [customer] is down' },
    })
  })
})
