import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { casesIn } from '../wild/decision.ts'

/** An answer, real or made from real ones. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const FILES = [
  ...(['limit-responses', 'limit-responses-2', 'limit-responses-2-relatives'] as const),
  ...(['unprepared', 'catalogue', 'witnesses'] as const),
]

/** Answers of real APIs, from documentation and public reports. */
export const CORPUS: readonly Answer[] = FILES.flatMap(casesIn).map(({ status, headers, body }) => ({
  status,
  headers,
  body: body === null || body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body),
}))

const ANSWERS = new URL('../../../aplomb/test/fixtures/answers/', import.meta.url)
/** As curl prints them. */
const PRINTED: readonly string[] = readdirSync(ANSWERS).map((file) => readFileSync(new URL(file, ANSWERS), 'utf8'))

/** What parsers stumble over. */
const PIECES = [
  '',
  '0',
  '-1',
  '-0',
  '1e999',
  'NaN',
  'Infinity',
  '9'.repeat(400),
  '0x1f',
  '1_000',
  '1,000',
  '.5',
  '5.',
  '٣',
  '1e-7',
  'null',
  'true',
  '[]',
  '{}',
  '{',
  '[',
  '"',
  '\\',
  '\\u0000',
  '\u0000',
  '\r\n',
  '\n\n',
  '\ufeff',
  '\u202e',
  '\ud800',
  '🙂',
  'Wed, 21 Oct 2026 07:28:00 GMT',
  'Wednesday, 21-Oct-26 07:28:00 GMT',
  'Thu, 99 Foo 2026',
  '2026-02-30T25:61:61Z',
  'PT1M',
  '1h30m',
  '-5s',
  '"a";r=1;t=2',
  '"a";q=1;w=',
  ';;;',
  ',',
  '=',
  ':',
  'retry after 5 seconds',
  'try again in -1 seconds',
  'per minute',
  '__proto__',
  'constructor',
  '<Code>',
  '</Code>',
  '<!--',
  '&#x41;',
  '%41',
  'data: ',
  'event: error\n',
  '[DONE]',
  'HTTP/1.1 429 No\n',
  '> GET / HTTP/1.1\n',
  '< HTTP/2 200\n',
] as const

/** A place in a text, from 0 to 1. */
const place = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000)

/** A change of a text: some of it goes, something else comes. */
const edit = fc.record({
  at: place,
  cut: fc.constantFrom(0, 0, 1, 2, 5, 40, 1000),
  put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8, unit: 'binary' }), fc.integer().map(String)),
  times: fc.constantFrom(1, 1, 1, 1, 2, 50),
})

/** A text with some changes; none is as likely as one. */
export const mutated = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.array(edit, { maxLength: 4 })).map(([original, edits]) =>
    edits.reduce((now, { at, cut, put, times }) => {
      const from = Math.floor(at * now.length)
      return now.slice(0, from) + put.repeat(times) + now.slice(from + cut)
    }, original),
  )

const NAMES = [...new Set(CORPUS.flatMap(({ headers }) => Object.keys(headers)))]
const VALUES = [...new Set(CORPUS.flatMap(({ headers }) => Object.values(headers)))]

/** Bytes that a header may have: all others never get through a connection. */
const sendable = (value: string): string =>
  value
    .replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '')
    .trim()
    .slice(0, 4000)

const isName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name)

/** The headers of a real answer, with some of them changed, and some of others. */
const headers: fc.Arbitrary<Answer['headers']> = fc
  .tuple(
    fc.constantFrom(...CORPUS),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), mutated(fc.constantFrom(...VALUES))), { maxLength: 4 }),
    fc.array(place, { maxLength: 3 }),
  )
  .map(([{ headers: original }, more, dropped]) => {
    const entries = Object.entries(original)
    const out = new Set(dropped.map((at) => Math.floor(at * entries.length)))
    const all = [...entries.filter((_, i) => !out.has(i)), ...more].filter(([name]) => isName(name))
    return Object.fromEntries(all.map(([name, value]) => [name, sendable(value)]))
  })

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

export const answer: fc.Arbitrary<Answer> = fc
  .record({
    status: fc.oneof(
      fc.constantFrom(...CORPUS.map(({ status }) => status)),
      fc.constantFrom(200, 400, 401, 402, 403, 404, 409, 429, 500, 503),
      fc.integer({ min: 200, max: 599 }),
    ),
    headers,
    body: mutated(fc.constantFrom(...CORPUS.map(({ body }) => body))),
  })
  .map((one) => (NO_BODY.has(one.status) ? { ...one, body: '' } : one))

export const responseOf = ({ status, headers: said, body }: Answer): Response =>
  new Response(NO_BODY.has(status) ? null : body, { status, headers: said })

/** A long text of the same again and again: what backtracks takes hours for it. */
export const long: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(fc.constantFrom(...PIECES), fc.string({ minLength: 1, maxLength: 6 }), fc.constantFrom(...VALUES)),
    fc.constantFrom('', ' ', 'x', '"', '}'),
  )
  .filter(([piece]) => piece !== '')
  .map(([piece, end]) => piece.repeat(Math.ceil(65_536 / piece.length)).slice(0, 65_536) + end)

/** The printed answers with changes, and answers of the corpus printed. */
export const printed: fc.Arbitrary<string> = mutated(
  fc.oneof(
    fc.constantFrom(...PRINTED),
    fc
      .constantFrom(...CORPUS)
      .map(({ status, headers: said, body }) =>
        [`HTTP/1.1 ${status}`, ...Object.entries(said).map(([name, value]) => `${name}: ${value}`), '', body].join(
          '\n',
        ),
      ),
  ),
)

/** Recordings of such answers. */
export const recorded: fc.Arbitrary<string> = mutated(
  fc.array(fc.constantFrom(...CORPUS), { minLength: 1, maxLength: 5 }).map((answers) =>
    JSON.stringify({
      log: {
        entries: answers.map(({ status, headers: said, body }, i) => ({
          startedDateTime: new Date(Date.UTC(2026, 0, 15, 12, 0, i)).toISOString(),
          time: 100,
          request: { method: i % 2 ? 'POST' : 'GET', url: `https://api.test/v1/items/${i}`, headers: [] },
          response: {
            status,
            headers: Object.entries(said).map(([name, value]) => ({ name, value })),
            content: { text: body },
          },
        })),
      },
    }),
  ),
)
