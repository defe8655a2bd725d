import { describe, expect, it } from 'vitest'
import { classifyResponse, type Verdict } from '../src/index.ts'

const receivedAt = Date.parse('2026-01-15T12:00:00.000Z')

/** A refusal as its vendor documents it, and what is to be read in it, however it arrives. */
const REFUSALS = {
  'a rate with a wait': [
    429,
    { error: { code: 'rate_limit_exceeded', message: 'Rate limit reached.', retry_after: 7 } },
    { kind: 'rate-limited', retryAfterMs: 7000 },
  ],
  'a wait in words': [
    429,
    { error: { type: 'requests', message: "You've sent too much. Please try again in 12.5 seconds." } },
    { kind: 'rate-limited', retryAfterMs: 12_500 },
  ],
  'an allowance': [
    429,
    { error: { code: 'quota', message: 'You have reached your daily limit of 500 requests.' } },
    { kind: 'quota-exhausted', retryAfterMs: undefined },
  ],
  'no money': [
    403,
    { error: { code: 'insufficient_balance', message: 'Your account has no money left.' } },
    { kind: 'billing', retryAfterMs: undefined },
  ],
  'too many in flight': [
    429,
    { error: { code: 'too_many', message: 'Too many concurrent requests: 5 of 5.' } },
    { kind: 'concurrency-limited', retryAfterMs: undefined },
  ],
} as const

type Body = (typeof REFUSALS)[keyof typeof REFUSALS][1]

const renamed = (value: unknown, name: (key: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((one) => renamed(one, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [name(key), renamed(one, name)]))
}
const mapped = (value: unknown, map: (leaf: unknown) => unknown): unknown => {
  if (Array.isArray(value)) return value.map((one) => mapped(one, map))
  if (typeof value !== 'object' || value === null) return map(value)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapped(one, map)]))
}
const pascal = (key: string): string => key.replaceAll(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase())
const json = JSON.stringify
const words = (text: unknown, change: (text: string) => string): unknown =>
  typeof text === 'string' && text.includes(' ') ? change(text) : text
const codes = (text: unknown, change: (text: string) => string): unknown =>
  typeof text === 'string' && text.includes('_') ? change(text) : text
const xml = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map(([key, one]) => `<${pascal(key)}>${xml(one)}</${pascal(key)}>`)
        .join('\n  ')
    : String(value).replaceAll("'", '&apos;')

const VARIATIONS: Readonly<Record<string, (body: Body) => string>> = {
  'as documented': json,
  indented: (body) => json(body, null, 4),
  'with line ends of Windows': (body) => json(body, null, 2).replaceAll('\n', '\r\n'),
  'behind a byte order mark': (body) => `\uFEFF${json(body)}`,
  'behind blank lines': (body) => `\n\n  ${json(body)}\n`,
  "behind Google's guard": (body) => `)]}',\n${json(body)}`,
  'as JSONP': (body) => `callback(${json(body)});`,
  'as JSONP with a comment': (body) => `/**/jQuery123_456(${json(body)})`,
  'with keys in capitals': (body) => json(renamed(body, (key) => key.toUpperCase())),
  'with keys in PascalCase': (body) => json(renamed(body, pascal)),
  'with keys in camelCase': (body) => json(renamed(body, (key) => pascal(key).replace(/^./, (c) => c.toLowerCase()))),
  'with keys in kebab-case': (body) => json(renamed(body, (key) => key.replaceAll('_', '-'))),
  'without the envelope': ({ error }) => json(error),
  'in a list': (body) => json([body]),
  'in a list of errors': ({ error }) => json({ errors: [error] }),
  'three levels deeper': (body) => json({ data: { response: { body } } }),
  'under result': (body) => json({ success: false, result: body }),
  'under fault': ({ error }) => json({ fault: error }),
  'under errors by field': ({ error }) => json({ errors: { base: error } }),
  'beside a trace': (body) => json({ ...body, trace: ['at f (a.js:1:1)', 'at g (b.js:2:2)'], path: '/v1/x' }),
  'in a string': (body) => json({ error: json(body) }),
  'in a string in a string': (body) => json({ detail: json({ error: json(body) }) }),
  'encoded twice': (body) => json(json(body)),
  'in a string, indented': (body) => json({ message: json(body, null, 2) }),
  'behind what a proxy says': (body) => json({ message: `upstream returned 429: ${json(body)}` }),
  'in the middle of what a proxy says': (body) =>
    json({ error: { message: `ProxyException - ${json(body)}. Received Group=a`, type: null, code: '429' } }),
  'in a text': (body) => `429 Too Many Requests: ${json(body)}`,
  "as Python's repr": (body) => `Error code: 429 - ${json(body).replaceAll(/"/g, "'").replace("You've", 'You have')}`,
  'with entities': (body) =>
    json(mapped(body, (leaf) => words(leaf, (text) => text.replaceAll("'", '&#39;').replaceAll(' ', '&#32;')))),
  'with named entities': (body) =>
    json(mapped(body, (leaf) => words(leaf, (text) => `&lt;b&gt;${text.replaceAll("'", '&apos;')}&lt;/b&gt;`))),
  'with tags': (body) => json(mapped(body, (leaf) => words(leaf, (text) => `<p>${text.replace(' ', ' <b>')}</b></p>`))),
  'with hard spaces': (body) => json(mapped(body, (leaf) => words(leaf, (text) => text.replaceAll(' ', '\u00A0')))),
  'with doubled spaces': (body) => json(mapped(body, (leaf) => words(leaf, (text) => text.replaceAll(' ', '  ')))),
  'with line breaks': (body) => json(mapped(body, (leaf) => words(leaf, (text) => text.replaceAll(' ', '\n')))),
  'in capitals': (body) => json(mapped(body, (leaf) => words(leaf, (text) => text.toUpperCase()))),
  'with typographic quotes': (body) =>
    json(mapped(body, (leaf) => words(leaf, (text) => `“${text.replaceAll("'", '’')}”`))),
  'with unicode escapes': (body) =>
    json(body).replaceAll(/(?<=: ?")\w|(?<= )\w/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  'with numbers as strings': (body) => json(mapped(body, (leaf) => (typeof leaf === 'number' ? String(leaf) : leaf))),
  'with the status beside the code': ({ error }) => json({ error: { status: 429, ...error } }),
  'with codes in capitals': (body) => json(mapped(body, (leaf) => codes(leaf, (code) => code.toUpperCase()))),
  'with codes in PascalCase': (body) => json(mapped(body, (leaf) => codes(leaf, pascal))),
  'with codes in kebab-case': (body) => json(mapped(body, (leaf) => codes(leaf, (code) => code.replaceAll('_', '-')))),
  'with codes behind a namespace': (body) =>
    json(mapped(body, (leaf) => codes(leaf, (code) => `com.example.errors#${code}`))),
  'with a code that is a URL': (body) =>
    json(mapped(body, (leaf) => codes(leaf, (code) => `https://example.com/errors/${code}`))),
  'with the message in a list': ({ error }) => json({ error: { ...error, message: [error.message] } }),
  'as problem+json': ({ error: { message, ...rest } }) => json({ title: 'Refused', detail: message, ...rest }),
  'as OAuth says it': ({ error: { message, ...rest } }) =>
    json({ ...rest, error: 'refused', error_description: message }),
  'as JSON-RPC': ({ error }) =>
    json({ jsonrpc: '2.0', id: 1, error: { code: -32_000, message: error.message, data: error } }),
  'as GraphQL': ({ error: { message, ...extensions } }) =>
    json({ data: null, errors: [{ message, path: ['x'], extensions }] }),
  'as XML': (body) => `<?xml version="1.0" encoding="UTF-8"?>\n<response>\n  ${xml(body)}\n</response>`,
  'as an event': (body) => `event: error\ndata: ${json(body)}\n\n`,
  'as a line of JSON': (body) => `${json(body)}\n${json({ done: true })}\n`,
}

const judge = (status: number, text: string, headers: Record<string, string> = {}): Promise<Verdict> =>
  classifyResponse(new Response(text, { status, headers }), { receivedAt })

describe.each(Object.entries(VARIATIONS))('%s', (_, vary) => {
  it.each(Object.entries(REFUSALS))('%s is read alike', async (__, [status, body, expected]) => {
    expect(await judge(status, vary(body))).toMatchObject(expected)
  })
})

describe('a wait in a header beside one in the body', () => {
  it.each<[name: string, value: string, body: object, retryAfterMs: number]>([
    ['retry-after', '7', { retry_after: 7 }, 7000],
    ['RETRY-AFTER', '7', { retry_after: 7 }, 7000],
    ['Retry-After', '7', { retryAfterMs: 6400 }, 6400],
    ['Retry-After', '7', { message: 'Please try again in 6.4s.' }, 7000],
    ['Retry-After', '7', { retry_after: 3 }, 7000],
    ['Retry-After', '7', { retry_after: 60 }, 7000],
    ['Retry-After-Ms', '6400', { retry_after: 7 }, 6400],
    ['x-ratelimit-reset-after', '7', { retry_after: 9 }, 9000],
    ['Retry-After', 'Thu, 15 Jan 2026 12:00:07 GMT', { reset_at: '2026-01-15T12:00:06.5Z' }, 7000],
  ])('%s: %s beside %j', async (name, value, body, retryAfterMs) => {
    const verdict = await judge(429, json(body), { [name]: value, date: 'Thu, 15 Jan 2026 12:00:00 GMT' })
    expect(verdict).toMatchObject({ kind: 'rate-limited', retryAfterMs })
  })
})
