import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { aplomb, unwrap } from '../src/index.ts'
import { casesIn } from './support/cases.ts'
import { outcomes, settled, timed, urlOf, useFakeTime } from './support/time.ts'

useFakeTime()

const URL_A = 'https://api.test/v1/x'
const FILES = 'limit-responses limit-responses-2 limit-responses-2-relatives catalogue witnesses unprepared'.split(' ')
const CASES = FILES.flatMap(casesIn)

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
const anyBody = fc.oneof(
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
  fc.record({ headers: windows, body: anyBody }),
  fc.constantFrom(...CASES).map(({ headers, body: said }) => ({
    headers,
    body: typeof said === 'string' ? said : JSON.stringify(said),
  })),
)

const MAX_ATTEMPTS = 4

describe('a 429 of any shape that is repeated for ever', () => {
  it.each([0, 3])('is sent by each call at most as often as maxAttempts says, with %i siblings', async (siblings) => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ headers, body: text }) => {
        const sent = new Map<string, number>()
        const fetch = aplomb({
          fetch: async (input) => {
            sent.set(urlOf(input), (sent.get(urlOf(input)) ?? 0) + 1)
            return new Response(text, { status: 429, headers })
          },
        })
        const calls = Array.from({ length: siblings + 1 }, (_, i) => fetch(`${URL_A}/${i}`))
        for (const end of await outcomes(calls)) expect(end).toMatchObject({ value: { status: 429 } })
        expect(sent.size).toBe(siblings + 1)
        expect(Math.max(...sent.values())).toBeLessThanOrEqual(MAX_ATTEMPTS)
      }),
      { seed: 17, numRuns: 400 },
    )
  })
})

describe('a time that the server names is never undercut', () => {
  const seconds = fc.integer({ min: 1, max: 59 })
  /** Dates in headers have no milliseconds. */
  const BEGAN_AT = Date.UTC(2026, 0, 1)
  const at = (s: number): number => BEGAN_AT + s * 1000
  const iso = (s: number): string => new Date(at(s)).toISOString()
  const two = (s: number): string => String(s).padStart(2, '0')

  const HEADERS: readonly ((s: number) => Readonly<Record<string, string>>)[] = [
    (s) => ({ 'retry-after': `${s}` }),
    (s) => ({ 'retry-after': new Date(at(s)).toUTCString() }),
    (s) => ({ 'retry-after': `${s}s` }),
    (s) => ({ 'retry-after-ms': `${s * 1000}` }),
    (s) => ({ 'retry-after': `${s + 1}`, 'retry-after-ms': `${s * 1000 + 1}` }),
    (s) => ({ 'x-retry-in': `${s}s` }),
    (s) => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${s}` }),
    (s) => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${at(s) / 1000}` }),
    (s) => ({ 'X-Acme-RateLimit-Remaining': '0', 'X-Acme-RateLimit-Reset-Ms': `${s * 1000}` }),
    (s) => ({ 'x-ratelimit-second-remaining': '0', 'x-ratelimit-reset': `${s}` }),
    (s) => ({ 'x-rate-limit-limit': '600', 'x-rate-limit-reset': `${at(s) / 1000}` }),
    (s) => ({ 'x-ratelimit': JSON.stringify({ remaining: 0, until: iso(s) }) }),
    (s) => ({ 'x-rl': '0', 'x-ttl': `${s}` }),
    (s) => ({ ratelimit: `"a";a=0;w=${s}` }),
    (s) => ({ ratelimit: `"a";r=0;t=${s}` }),
  ]
  const MEMBERS: readonly ((s: number) => object)[] = [
    (s) => ({ retry_after: s }),
    (s) => ({ retryAfter: `${s}` }),
    (s) => ({ RETRY_AFTER_SECONDS: s }),
    (s) => ({ retryAfterMs: s * 1000 }),
    (s) => ({ retryDelay: `${s}s` }),
    (s) => ({ details: [{ '@type': 'RetryInfo', retryDelay: { seconds: s } }] }),
    (s) => ({ code: 'slow', secondsToWait: s }),
    (s) => ({ msBeforeNext: s * 1000 }),
    (s) => ({ next_allowed_at: iso(s) }),
    (s) => ({ blocked_until: at(s) / 1000 }),
    (s) => ({ message: 'Quota exceeded', reset_time: iso(s) }),
    (s) => ({ rate: { backoff_seconds: s } }),
    (s) => ({ limit: { remaining: 0, total: 5, reset: s } }),
  ]
  const SENTENCES: readonly ((s: number) => string)[] = [
    (s) => `Quota exceeded. Please retry in ${s} seconds.`,
    (s) => `Try again in ${s}s`,
    (s) => `Too many requests, try again after ${s} sec.`,
    (s) => `Slow down (please wait ${s}s)`,
    (s) => `You can only request this after ${s} seconds.`,
    (s) => `Request was throttled. Expected available in ${s}.0 seconds.`,
    (s) => `Blocked. Available in 00:00:${two(s)}.`,
    (s) => `Limit reached. Resets at ${iso(s)}.`,
    (s) => `Retry after ${iso(s)}: see https://example.com/limits`,
    (s) => `Throttle resets at ${iso(s).replace('T', ' ').replace(/\..*/, '')} +0000`,
    (s) => `You have been timed out for ${s} seconds`,
    (s) => `Slow down. Retry-After: ${s}`,
    (s) => `The ban will last ${s} seconds`,
    (s) => `Next request allowed in ${s} s`,
    (s) => `Daily limit reached, but you may try again in ${s} seconds.`,
  ]
  /** How a body carries its members. */
  const CARRIERS: readonly ((body: object) => string)[] = [
    (body) => JSON.stringify(body),
    (body) => JSON.stringify({ error: body }, null, 2),
    (body) => JSON.stringify([{ errors: [body] }]),
    (body) => JSON.stringify({ data: { response: { fault: body } } }),
    (body) => JSON.stringify({ error: JSON.stringify({ error: body }) }),
    (body) => JSON.stringify({ detail: `upstream said: ${JSON.stringify(body)}` }),
    (body) => `callback(${JSON.stringify(body)})`,
    (body) => `event: error\ndata: ${JSON.stringify(body)}\n\n`,
  ]
  const PLAIN: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => `<html><head><title>Sorry</title></head><body><h1>429</h1><p>${text}</p></body></html>`,
    (text) => `<?xml version="1.0"?><Error><Code>Slow</Code><Message>${text}</Message></Error>`,
  ]

  const member = fc.constantFrom(...MEMBERS)
  const saying = fc.constantFrom(...SENTENCES)
  const carrier = fc.constantFrom(...CARRIERS)
  const answer = (refused: Partial<Shape>): Shape => ({ headers: {}, body: '{}', ...refused })
  /** What is said of so many seconds, in one place or the other. */
  const naming: fc.Arbitrary<readonly [s: number, Shape]> = fc.oneof(
    fc.tuple(seconds, fc.constantFrom(...HEADERS)).map(([s, say]) => [s, answer({ headers: say(s) })] as const),
    fc.tuple(seconds, member, carrier).map(([s, say, carry]) => [s, answer({ body: carry(say(s)) })] as const),
    fc
      .tuple(seconds, saying, carrier)
      .map(([s, say, carry]) => [s, answer({ body: carry({ message: say(s) }) })] as const),
    fc
      .tuple(seconds, saying, fc.constantFrom(...PLAIN))
      .map(([s, say, carry]) => [s, answer({ body: carry(say(s)) })] as const),
  )

  it.each([429, 503])('in a header, a body, a sentence or a page, under %i', async (status) => {
    await fc.assert(
      fc.asyncProperty(naming, async ([s, { headers, body: text }]) => {
        vi.setSystemTime(BEGAN_AT)
        let refusals = 0
        const inner: Fetch = async () =>
          refusals++ > 0 ? new Response('served') : new Response(text, { status, headers })
        const server = timed(inner)
        await settled(aplomb({ fetch: server })(URL_A))
        expect(server.times).toHaveLength(2)
        expect(server.times[1]! - server.times[0]!).toBeGreaterThanOrEqual(s * 1000)
      }),
      { seed: 17, numRuns: 600 },
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
    [
      'Azure App Service',
      404,
      html,
      '<!DOCTYPE html><html><head><title>Microsoft Azure Web App - Error 404</title></head></html>',
    ],
    [
      'GitHub Pages',
      404,
      html,
      '<!DOCTYPE html><html><head><title>Site not found &middot; GitHub Pages</title></head></html>',
    ],
    ['Netlify', 404, { 'content-type': 'text/plain' }, 'Not Found - Request ID: 01HFAKE'],
    [
      'Deno Deploy',
      404,
      { 'content-type': 'text/plain' },
      '404: Not Found\n\nThe requested deployment does not exist.\n\nDEPLOYMENT_NOT_FOUND',
    ],
    [
      'Cloud Foundry',
      404,
      { 'content-type': 'text/plain', 'x-cf-routererror': 'unknown_route' },
      "404 Not Found: Requested route ('x.example.com') does not exist.",
    ],
    [
      'Azure Storage',
      404,
      { 'content-type': 'application/xml' },
      '<?xml version="1.0"?><Error><Code>ResourceNotFound</Code></Error>',
    ],
    [
      'IIS',
      404,
      html,
      '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><head><title>404 - File or directory not found.</title></head></html>',
    ],
    ['Express', 404, html, '<!DOCTYPE html>\n<html lang="en"><body><pre>Cannot GET /v1/x</pre></body></html>'],
    ['Traefik', 404, { 'content-type': 'text/plain; charset=utf-8' }, '404 page not found\n'],
    ['APISIX', 404, { 'content-type': 'application/json' }, '{"error_msg":"404 Route Not Found"}'],
    [
      'Apigee',
      404,
      { 'content-type': 'application/json' },
      '{"fault":{"faultstring":"Unable to identify proxy for host: default and url: /v1/x","detail":{"errorcode":"messaging.adaptors.http.flow.ApplicationNotFound"}}}',
    ],
    [
      'Supabase Edge Functions',
      404,
      { 'content-type': 'application/json' },
      '{"code":"NOT_FOUND","message":"Requested function was not found"}',
    ],
    [
      'Google Cloud Endpoints',
      404,
      { 'content-type': 'application/json' },
      '{"code":5,"message":"Method does not exist.","details":[]}',
    ],
    [
      'Anubis',
      200,
      html,
      '<!doctype html><html lang="en"><head><title>Making sure you&#39;re not a bot!</title></head></html>',
    ],
    [
      'SiteGround',
      202,
      html,
      '<html><head><link rel="icon" href="data:;"><meta http-equiv="refresh" content="0;/.well-known/sgcaptcha/?r=%2Fv1"></head></html>',
    ],
    ['Imunify360', 200, html, '<!DOCTYPE html><html><head><title>One moment, please...</title></head></html>'],
    [
      'DataDome',
      200,
      html,
      '<html><head><title>example.com</title></head><body><script src="https://ct.captcha-delivery.com/c.js"></script></body></html>',
    ],
    [
      'Alibaba Cloud',
      200,
      html,
      "<html><script>var arg1='FAKE';function setCookie(name,value){document.cookie='acw_sc__v2='+value}</script></html>",
    ],
    [
      'HUMAN',
      200,
      html,
      '<!DOCTYPE html><html><head><title>Access to this page has been denied</title></head><body><div id="px-captcha"></div></body></html>',
    ],
    ['DDoS-Guard', 200, html, '<!DOCTYPE html><html><head><title>DDoS-Guard</title></head></html>'],
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
