import { ApiError, type Rule } from '@aplomb/classify'
import type { LogRecord } from '@aplomb/log'
import { respond, type ScriptEntry } from '@aplomb/mock-api'
import fc from 'fast-check'
import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions, unwrap } from '../src/index.ts'
import { outcomes, useFakeTime } from './support/time.ts'
import { ALPHANUMERIC, drawn, password, token } from './support/secrets.ts'

useFakeTime()

/** Any name that a header can have. */
const name = drawn(`${ALPHANUMERIC}!#$%&'*+-.^_|~`, 1, 16).filter(
  (one) => !/(?:id|ids|ref|ray|sku|arn|sha|etag|trace)\d*\W*$/i.test(one),
)

const HELD = ['query', 'header', 'bearer', 'basic', 'cookie'] as const
const PLACES = [...HELD, 'bare query', 'path', 'JSON', 'form', 'key', 'nowhere'] as const
type Place = (typeof PLACES)[number]

const URL_A = 'https://api.test/v1/things'

const requestWith = (place: Place, secret: string, field: string): [string, RequestInit] => {
  const encoded = encodeURIComponent(secret)
  const put = (body: string | URLSearchParams): [string, RequestInit] => [URL_A, { method: 'PUT', body }]
  if (place === 'query') return [`${URL_A}?${encodeURIComponent(field)}=${encoded}&page=2`, {}]
  if (place === 'bare query') return [`${URL_A}?${encoded}`, {}]
  if (place === 'path') return [`${URL_A}/${encoded}/items`, {}]
  if (place === 'header') return [URL_A, { headers: { [field]: secret } }]
  if (place === 'bearer') return [URL_A, { headers: { authorization: `Bearer ${secret}` } }]
  // What becomes of userinfo: no Request can hold it.
  if (place === 'basic') return [URL_A, { headers: { authorization: `Basic ${btoa(`me:${secret}`)}` } }]
  if (place === 'cookie') return [URL_A, { headers: { cookie: `a=b; ${field}=${secret}` } }]
  if (place === 'JSON') return put(JSON.stringify({ [field]: secret }))
  if (place === 'form') return put(new URLSearchParams({ [field]: secret }))
  return [URL_A, {}]
}

const ECHOES = ['JSON', 'nested', 'text', 'HTML', 'URL', 'header', 'error', 'cause', 'aggregate'] as const
type Echo = (typeof ECHOES)[number]

/** What the server, or what failed on the way to it, repeats. */
const answers = (status: number, secret: string, field: string): Record<Echo, ScriptEntry> => {
  const plain = (type: string, body: string): ScriptEntry => ({ status, headers: { 'content-type': type }, body })
  const failure = (message: string, options?: ErrorOptions): Error => new TypeError(message, options)
  const root = Object.assign(failure(`read ECONNRESET at ${secret}`), { code: secret })
  return {
    JSON: { status, body: { error: { message: `Incorrect key: ${secret}.`, code: secret, [field]: secret } } },
    nested: { status, body: { message: 'no', echo: { request: [{ [field]: secret }] } } },
    text: plain('text/plain', `denied for ${field}=${secret}; retry`),
    HTML: plain('text/html', `<html><title>no ${secret}</title><body>token <b>${secret}</b></body></html>`),
    URL: plain('text/plain', `GET https://me:${secret}@api.test/${secret}?${field}=${secret} failed`),
    header: { status, headers: { [field]: secret, 'x-request-id': secret, ratelimit: `"${secret}";r=0;t=1` } },
    error: failure(`fetch failed: https://me:${secret}@api.test/${secret}?${field}=${secret}`),
    cause: failure('fetch failed', { cause: failure('socket', { cause: root }) }),
    aggregate: failure('fetch failed', { cause: new AggregateError([failure(`ECONNREFUSED ${secret}`)], secret) }),
  }
}

const scenario = fc.record({
  secret: token,
  word: password,
  name,
  place: fc.constantFrom(...PLACES),
  held: fc.constantFrom(...HELD),
  echo: fc.constantFrom(...ECHOES),
  status: fc.constantFrom(400, 401, 402, 403, 404, 409, 422, 429, 500, 503),
})

/** Worse than any API: of some answers, the whole body becomes the reason for the verdict. */
const parrot: Rule = {
  name: 'parrot',
  judge: ({ status, text }) =>
    status === 402 || status === 409 || status === 503
      ? { kind: status === 402 ? 'billing' : 'unknown', sign: text, code: text }
      : undefined,
}

interface Said {
  /** Records and alerts. */
  readonly told: unknown[]
  /** Errors that are ours. */
  readonly errors: unknown[]
}

/** What is said of calls that are answered with it, queue in vain, hang, and cost too much. */
const tellAll = async (place: Place, answer: ScriptEntry, secret: string, field: string): Promise<Said> => {
  const told: unknown[] = []
  const errors: unknown[] = []
  const tell = (one: unknown): void => void told.push(one)
  const make = (script: readonly ScriptEntry[], options: AplombOptions) =>
    aplomb({
      ...(place === 'key' && { key: secret }),
      log: { sink: tell },
      ...options,
      fetch: respond(...script),
      creditMeter: { budget: 10, stopAt: 100, onAlert: tell, ...(options.creditMeter as object | undefined) },
    })
  const given = requestWith(place, secret, field)

  const answered = make([{ headers: { 'x-credits-charged': '9' } }, answer], {
    backoffJitter: { maxAttempts: 1 },
    creditMeter: { stopAt: undefined },
    classify: { rules: [parrot] },
  })
  await outcomes([answered(...given)])
  await outcomes([answered(...given)])
  expect(told.filter((one) => (one as LogRecord).event === 'attempt').length).toBeGreaterThan(1)

  const slow = { delayMs: 50_000 }
  const refused = { status: 429, headers: { 'retry-after': '9' } }
  const spent = make([{ headers: { 'x-credits-charged': '10' } }], {})
  await outcomes([spent(...given)])
  const held = make([refused, 200], { timeoutMs: 5000 })
  await outcomes([held(...given)])
  const limited = make([slow], { backoffJitter: { maxAttempts: 1, attemptTimeoutMs: 1000 } })
  const refusing = make([answer], { backoffJitter: { maxAttempts: 1 }, classify: { rules: [parrot] } })
  for (const end of await outcomes([unwrap(refusing(...given))]))
    if ('error' in end && end.error instanceof ApiError) errors.push(end.error)
  const full = make([slow], { concurrencyGate: { limit: 1, maxQueue: 0 } })
  const busy = make([slow], { concurrencyGate: { limit: 1, queueTimeoutMs: 1000 } })
  const failing = [
    { name: 'QueueFullError', calls: () => [full(...given), full(...given)] },
    { name: 'QueueTimeoutError', calls: () => [busy(...given), busy(...given)] },
    { name: 'BudgetExceededError', calls: () => [spent(...given)] },
    {
      name: 'TimeoutError',
      calls: () => [held(...given), limited(...given), make([slow], { timeoutMs: 1000 })(...given)],
    },
  ]
  for (const { name: expected, calls } of failing) {
    const ends = await outcomes(calls())
    const failed = ends.flatMap((end) => ('error' in end ? [end.error] : []))
    expect(failed.length).toBeGreaterThan(0)
    for (const error of failed) expect(error).toHaveProperty('name', expected)
    errors.push(...failed)
  }
  return { told, errors }
}

/** The lines that a secret is in, in all that a printer makes of it. */
const leaks = ({ told, errors }: Said, secret: string): string[] =>
  [
    JSON.stringify(told),
    inspect(told, { depth: 9, maxStringLength: Infinity }),
    ...errors.flatMap((error) => [String(error), inspect(error, { depth: 9 }), JSON.stringify(error)]),
  ]
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.includes(secret))

const DEEP = Boolean(process.env['DEEP'])

describe('no secret is in a record, in an alert, or in an error of ours', () => {
  test('wherever it was put, and wherever the server or an error repeats it', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await fc.assert(
      fc.asyncProperty(scenario, async ({ secret, name: field, place, echo, status }) => {
        const said = await tellAll(place, answers(status, secret, field)[echo], secret, field)
        expect(said.told.length).toBeGreaterThan(10)
        // A request's id is shown, unless the request holds it as a secret: ids are drawn by lot, too.
        const ids = echo === 'header' && ['JSON', 'form', 'nowhere'].includes(place)
        if (!ids) expect(leaks(said, secret)).toEqual([])
      }),
      { numRuns: DEEP ? 2000 : 200 },
    )
  }, 120_000)

  test('not even a plain word, if the request holds it as a secret', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await fc.assert(
      fc.asyncProperty(scenario, async ({ word, held, echo, status }) => {
        const said = await tellAll(held, answers(status, word, 'api-key')[echo], word, 'api-key')
        expect(leaks(said, word)).toEqual([])
      }),
      { numRuns: DEEP ? 1000 : 100 },
    )
  }, 120_000)
})
