import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { classify, type Rule } from '@aplomb/classify'
import { creditMeter } from '@aplomb/credit-meter'
import { createFetch, type Middleware } from '@aplomb/pipeline'
import { respond, type ScriptEntry } from '@aplomb/mock-api'
import { alert, type Alert } from '../src/index.ts'
import { slackMessage } from '../src/slack.ts'
import { fieldName, password, token } from '../../aplomb/test/support/secrets.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Worse than any API: the whole body becomes the reason for the verdict. */
const parrot: Rule = {
  name: 'parrot',
  judge: ({ status, text }) =>
    status === 402 || status === 429 || status >= 500
      ? { kind: status === 402 ? 'billing' : status === 429 ? 'quota-exhausted' : 'server-error', sign: text }
      : undefined,
}

const PLACES = [
  'userinfo',
  'query',
  'bare-query',
  'path',
  'header',
  'json',
  'form',
  'key',
  'added',
  'dropped',
  'nowhere',
] as const
const ECHOES = ['json', 'text', 'html', 'url', 'header', 'error', 'cause', 'aggregate', 'name'] as const

const scenario = fc.record({
  secret: token,
  word: password,
  name: fieldName,
  place: fc.constantFrom(...PLACES),
  echo: fc.constantFrom(...ECHOES),
  status: fc.constantFrom(402, 429, 500, 503),
})

const answersWith = (status: number, secret: string, name: string): Record<(typeof ECHOES)[number], ScriptEntry> => {
  const plain = (type: string, body: string): ScriptEntry => ({ status, headers: { 'content-type': type }, body })
  const failure = (message: string, options?: ErrorOptions): Error => new TypeError(message, options)
  const deep = failure('socket', { cause: Object.assign(failure(secret), { code: secret }) })
  return {
    json: { status, body: { error: { message: `Incorrect key: ${secret}.`, code: secret, [name]: secret } } },
    text: plain('text/plain', `denied for ${name}=${secret}; retry`),
    html: plain('text/html', `<html><body>token <b>${secret}</b></body></html>`),
    url: plain('text/plain', `GET https://me:${secret}@api.example.com/${secret}?${name}=${secret} failed`),
    header: { status, headers: { [`x-${name}`]: secret, 'x-ratelimit-limit': secret, 'retry-after': secret } },
    error: failure(`fetch failed: connect to https://api.example.com/?${name}=${secret}`),
    cause: failure('fetch failed', { cause: deep }),
    aggregate: failure('fetch failed', { cause: new AggregateError([failure(`ECONNREFUSED ${secret}`)], secret) }),
    name: Object.assign(failure('fetch failed'), { name: secret }),
  }
}

const requestWith = (place: (typeof PLACES)[number], secret: string, name: string): [string, RequestInit] => {
  const url = 'https://api.example.com/v1/things'
  const encoded = encodeURIComponent(secret)
  if (place === 'query' || place === 'dropped') return [`${url}?${name}=${encoded}&page=2`, {}]
  if (place === 'bare-query') return [`${url}?${encoded}`, {}]
  if (place === 'path') return [`${url}/${encoded}/items`, {}]
  if (place === 'header') return [url, { headers: { [`x-${name}`]: secret, authorization: `Bearer ${secret}` } }]
  if (place === 'json') return [url, { method: 'POST', body: JSON.stringify({ [name]: secret }) }]
  if (place === 'form') return [url, { method: 'POST', body: new URLSearchParams({ [name]: secret }) }]
  return [url, {}]
}

/** The same request four times within a window; with what was told in all its forms. */
const tellAll = async (
  {
    place,
    echo,
    status,
    name,
  }: { place: (typeof PLACES)[number]; echo: (typeof ECHOES)[number]; status: number; name: string },
  secret: string,
): Promise<{ told: Alert[]; all: string }> => {
  const told: Alert[] = []
  const alerts = alert({ to: (one) => void told.push(one), errorRate: { windowMs: 3000, minAttempts: 1 } })
  // The credit meter's own words name the key.
  const meter = creditMeter({ budget: 4, cost: 1 })
  const adding: Middleware = (request, next) => {
    // A proxy that keeps the key to itself.
    if (place === 'dropped') return next(new Request('https://proxy.example.com/v1/things'))
    if (place !== 'added' && place !== 'userinfo') return next(request)
    return next(
      new Request(request, {
        headers: { authorization: place === 'added' ? secret : `Basic ${btoa(`me:${secret}`)}` },
      }),
    )
  }
  const fetch = createFetch([alerts, meter, adding, classify({ rules: [parrot] })], {
    fetch: respond(...Array.from({ length: 4 }, () => answersWith(status, secret, name)[echo])),
    ...(place === 'key' && { key: secret }),
  })
  for (let i = 0; i < 4; i++) {
    await fetch(...requestWith(place, secret, name)).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(900)
  }
  await alerts.flush()
  return { told, all: JSON.stringify([told, told.map(slackMessage)]) }
}

describe('9. no secret is in an alert', () => {
  test('wherever it was put, and wherever the server or an error repeats it', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(scenario, async (one) => {
        const { told, all } = await tellAll(one, one.secret)
        expect(told.length).toBeGreaterThan(0)
        for (const { condition } of told) seen.add(condition)
        expect(all).not.toContain(one.secret)
        expect(all).not.toContain(encodeURIComponent(one.secret))
      }),
      { numRuns: 1000 },
    )
    expect([...seen].toSorted()).toEqual(['billing', 'error-rate', 'quota-exhausted', 'threshold'])
  })

  test('not even a plain word, if the request holds it as a secret, be it only as it was called or as it was sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        scenario,
        fc.constantFrom('query', 'header', 'added', 'userinfo', 'dropped'),
        async (one, place) => {
          const { told, all } = await tellAll({ ...one, place, name: 'api-key' }, one.word)
          expect(told.length).toBeGreaterThan(0)
          expect(all).not.toContain(one.word)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('what may be shown and what may not is for the user to say', async () => {
    const told: Alert[] = []
    const redact = { text: (text: string) => text.replaceAll('lookup', '[customer]') }
    const alerts = alert({ to: (one) => void told.push(one), redact, endpoint: ({ url }) => new URL(url).pathname })
    await createFetch([alerts], { fetch: respond(402) })('https://api.example.com/lookup/8.8.8.8')
    expect(told).toMatchObject([{ endpoint: 'GET /[customer]/8.8.8.8' }])
  })
})
