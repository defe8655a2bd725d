import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { aplomb, unwrap } from '../src/index.ts'
import { casesIn } from './support/cases.ts'
import { outcomes, settled, timed, useFakeTime } from './support/time.ts'

useFakeTime()

const URL_A = 'https://api.test/v1/x'
const CASES = ['limit-responses', 'limit-responses-2', 'limit-responses-2-relatives', 'catalogue'].flatMap(casesIn)

interface Shape {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const windows = fc.record(
  {
    'x-ratelimit-limit': fc.constantFrom('0', '100'),
    'x-ratelimit-remaining': fc.constantFrom('0', '3', '59'),
    'x-ratelimit-reset': fc.constantFrom('0', '5', '20', '7200'),
    'x-ratelimit-second-remaining': fc.constantFrom('0', '9'),
    'x-concurrent-limit': fc.constant('3'),
    'x-concurrent-current': fc.constantFrom('1', '3'),
    'retry-after': fc.constantFrom('0', '1', '9'),
    ratelimit: fc.constantFrom('"a";r=0;t=3', '"a";a=2;w=3', 'limit=1, remaining=0, reset=2'),
  },
  { requiredKeys: [] },
)
const body = fc.oneof(
  fc.constantFrom(
    '',
    '{}',
    '<html><title>429 Too Many Requests</title>nginx</html>',
    '{"message":"Max budget limit reached."}',
    '{"message":"Too many concurrent requests"}',
    '{"message":"Quota exceeded","retry_after":3}',
  ),
  fc.constantFrom(...CASES.map((one) => (typeof one.body === 'string' ? one.body : JSON.stringify(one.body)))),
)
const shape: fc.Arbitrary<Shape> = fc.oneof(
  fc.record({ headers: windows, body }),
  fc.constantFrom(...CASES).map(({ headers, body: said }) => ({
    headers,
    body: typeof said === 'string' ? said : JSON.stringify(said),
  })),
)

const MAX_ATTEMPTS = 4

describe('a 429 of any shape that is repeated for ever', () => {
  it('is sent by one call at most as often as maxAttempts says', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ headers, body: text }) => {
        let sent = 0
        const fetch = aplomb({ fetch: async () => (sent++, new Response(text, { status: 429, headers })) })
        expect((await settled(fetch(URL_A))).status).toBe(429)
        expect(sent).toBeLessThanOrEqual(MAX_ATTEMPTS)
      }),
      { seed: 17, numRuns: 400 },
    )
  })
})

describe('a time that the server names is never undercut', () => {
  const seconds = fc.integer({ min: 1, max: 59 })
  const now = (): number => Date.now()
  const iso = (s: number): string => new Date(now() + s * 1000).toISOString()
  /** In each of these ways. */
  const naming: readonly ((s: number) => Partial<Shape>)[] = [
    (s) => ({ headers: { 'retry-after': `${s}` } }),
    (s) => ({ headers: { 'retry-after': new Date(now() + s * 1000).toUTCString() } }),
    (s) => ({ headers: { 'retry-after-ms': `${s * 1000}` } }),
    (s) => ({ headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${s}` } }),
    (s) => ({ headers: { 'x-ratelimit-second-remaining': '0', 'x-ratelimit-reset': `${s}` } }),
    (s) => ({ headers: { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': `${s}` } }),
    (s) => ({ headers: { 'x-ratelimit': JSON.stringify({ remaining: 0, until: iso(s) }) } }),
    (s) => ({ headers: { 'x-rl': '0', 'x-ttl': `${s}` } }),
    (s) => ({ headers: { ratelimit: `"a";a=0;w=${s}` } }),
    (s) => ({ body: JSON.stringify({ retry_after: s }) }),
    (s) => ({ body: JSON.stringify({ error: { message: 'Quota exceeded', reset_time: iso(s) } }) }),
    (s) => ({ body: JSON.stringify({ error: JSON.stringify({ error: { retryDelay: `${s}s` } }) }) }),
    (s) => ({ body: JSON.stringify({ message: `Quota exceeded. Please retry in ${s} seconds.` }) }),
    (s) => ({ body: JSON.stringify({ message: `Blocked. Available in 00:00:${String(s).padStart(2, '0')}.` }) }),
    (s) => ({ body: `You have been timed out for ${s} seconds` }),
  ]

  it('in a header, a body or a sentence', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...naming), seconds, async (say, s) => {
        vi.setSystemTime(Date.UTC(2026, 0, 1)) // dates in headers have no milliseconds
        const refused = say(s)
        let refusals = 0
        const inner: Fetch = async () => {
          if (refusals++ > 0) return new Response('served')
          return new Response(refused.body ?? '{}', { status: 429, headers: refused.headers ?? {} })
        }
        const server = timed(inner)
        await settled(aplomb({ fetch: server })(URL_A))
        expect(server.times).toHaveLength(2)
        expect(server.times[1]! - server.times[0]!).toBeGreaterThanOrEqual(s * 1000)
      }),
      { seed: 17, numRuns: 300 },
    )
  })
})

describe("for an answer that is not the API's, unwrap throws", () => {
  const html = { 'content-type': 'text/html' }
  it.each<[name: string, status: number, headers: Record<string, string>, body: string]>([
    ['nginx', 404, html, '<html><head><title>404 Not Found</title></head></html>'],
    ['an ingress', 404, { 'content-type': 'text/plain' }, 'default backend - 404'],
    ['Heroku', 404, html, '<!DOCTYPE html><html><head><title>No such app</title></head></html>'],
    ['Railway', 404, { 'content-type': 'application/json', 'x-railway-fallback': 'true' }, '{"message":"not found"}'],
    ['Kong', 404, { 'content-type': 'application/json' }, '{"message":"no Route matched with those values"}'],
    ['S3', 404, { 'content-type': 'application/xml' }, '<Error><Code>NoSuchKey</Code></Error>'],
    ['a page that calls itself JSON', 404, { 'content-type': 'application/json' }, '<html></html>'],
    ['ngrok', 200, { ...html, 'ngrok-error-code': 'ERR_NGROK_6024' }, '<html>You are about to visit</html>'],
    ['AWS WAF', 202, { ...html, 'x-amzn-waf-action': 'challenge' }, ''],
    ['Imperva', 200, { ...html, 'x-iinfo': '1-2' }, '<html><iframe src="/_Incapsula_Resource?a"></iframe></html>'],
    ['Imperva without its header', 200, html, '<html><iframe src="/_Incapsula_Resource?a"></iframe></html>'],
    ['Cloudflare', 200, html, '<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>'],
  ])('%s', async (_, status, headers, text) => {
    const fetch = aplomb({ classify: { lookups: true }, fetch: async () => new Response(text, { status, headers }) })
    const [outcome] = await outcomes([unwrap(fetch(URL_A))])
    expect(outcome).toMatchObject({ error: { kind: status === 404 ? 'missing' : 'forbidden' } })
    const { response } = (outcome as { readonly error: { readonly response: Response } }).error
    expect(await response.text()).toBe(text)
  })

  it.each<[name: string, headers: Record<string, string>, body: string | null]>([
    ['in JSON', { 'content-type': 'application/json' }, '{"error":"no such record"}'],
    ['in JSON under another name', { 'content-type': 'text/plain' }, '{"error":"no such record"}'],
    ['without a body', {}, null],
    ['with an empty body', { 'content-type': 'text/plain' }, ''],
  ])('of what the API itself has not found it gives null: %s', async (_, headers, text) => {
    const fetch = aplomb({
      classify: { lookups: true },
      fetch: async () => new Response(text, { status: 404, headers }),
    })
    expect(await settled(unwrap(fetch(URL_A)))).toBeNull()
  })
})
