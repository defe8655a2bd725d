import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  difference,
  explain,
  explainEntry,
  explainHar,
  formatExplanation,
  formatHarSummary,
  type Field,
  parseAnswers,
  parseHar,
  redactedCopy,
  responseOf,
  rules,
  type SavedAnswer,
} from '../../src/explain/index.ts'
import { type Case } from '../../../classify/test/support/cases.ts'
import { casesIn } from '../support/cases.ts'
import { password, token } from '../support/secrets.ts'

const RULES = Object.values(rules)

const savedOf = ({ status, headers, body, receivedAt }: Case): SavedAnswer => ({
  version: 'HTTP/1.1',
  status,
  statusText: '',
  headers: [
    ['Date', new Date(receivedAt).toUTCString()],
    ...Object.entries(headers).filter(([name]) => !/^date$/i.test(name)),
  ],
  body: body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body),
  request: { method: 'POST', url: 'https://api.test/v1/x', headers: [['content-type', 'application/json']] },
})

const CASES = ['limit-responses', 'limit-responses-2', 'limit-responses-2-relatives', 'catalogue'].flatMap(casesIn)

describe('a redacted copy is read as one answer, and judged as the original is', () => {
  const isJudgedAlike = async (saved: SavedAnswer): Promise<boolean> => {
    const [copy, ...more] = parseAnswers(redactedCopy(saved))
    expect(more).toEqual([])
    const [before, after] = await Promise.all(
      [saved, copy!].map((one) => explain(responseOf(one), { rules: RULES, request: one.request })),
    )
    return difference(before!, after!) === undefined
  }

  it.each(CASES.map((one) => [`${one.api}: ${one.case}`, savedOf(one)] as const))('%s', async (_, saved) => {
    expect(await isJudgedAlike(saved)).toBe(true)
  })
})

/** Where a request holds a secret. */
const HOLDERS: Readonly<
  Record<
    string,
    (secret: string) => { readonly url?: string; readonly headers?: readonly Field[]; readonly body?: string }
  >
> = {
  'a key in the query': (secret) => ({ url: `https://api.test/v1/x?api_key=${encodeURIComponent(secret)}` }),
  'a password in the URL': (secret) => ({ url: `https://me:${encodeURIComponent(secret)}@api.test/v1/x` }),
  'a bearer token': (secret) => ({ headers: [['Authorization', `Bearer ${secret}`]] }),
  'a key of its own header': (secret) => ({ headers: [['x-api-key', secret]] }),
  'a variable of a query': (secret) => ({
    body: JSON.stringify({ query: 'mutation ($p: String!) { a }', variables: { password: secret } }),
  }),
  'a cookie': (secret) => ({ headers: [['cookie', `theme=dark; sid=${secret}`]] }),
}
/** What an answer says of it again. */
const ECHOES: Readonly<Record<string, (secret: string) => Partial<SavedAnswer>>> = {
  'in a message': (secret) => ({
    body: JSON.stringify({ error: { message: `Invalid key ${secret} given`, code: secret } }),
  }),
  'in a list': (secret) => ({ body: JSON.stringify({ errors: [secret, { deep: [{ given: secret }] }] }) }),
  'as a name': (secret) => ({ body: JSON.stringify({ message: 'No', [secret]: 1 }) }),
  'in a stream': (secret) => ({
    headers: [['content-type', 'text/event-stream']],
    body: `event: error\ndata: ${JSON.stringify({ message: secret })}\nplain ${secret}\nid: ${secret}\n\n`,
  }),
  'in a text': (secret) => ({ body: `No such key: ${secret}.` }),
  'in a header': (secret) => ({
    headers: [
      ['x-echo', secret],
      ['x-ratelimit-bucket', secret],
      ['x-request-id', secret],
    ],
  }),
  'in a cookie': (secret) => ({ headers: [['Set-Cookie', `sid=${secret}; Path=/`]] }),
  'in a redirect': (secret) => ({ status: 302, headers: [['Location', `https://api.test/login?token=${secret}`]] }),
  'in the status line': (secret) => ({ statusText: secret }),
}

const outputsFor = async (answer: SavedAnswer): Promise<string> => {
  const explanation = await explain(responseOf(answer), { request: answer.request })
  const { request, headers, status, statusText, body } = answer
  const pairs = (fields: readonly Field[] = []): object[] => fields.map(([name, value]) => ({ name, value }))
  const har = parseHar({
    log: {
      entries: [
        {
          startedDateTime: '2026-01-15T12:00:00Z',
          request: {
            method: 'GET',
            url: request?.url,
            headers: pairs(request?.headers),
            postData: { text: request?.body },
          },
          response: { status, statusText, headers: pairs(headers), content: { text: body } },
        },
      ],
    },
  })
  const summary = await explainHar(har)
  return [
    JSON.stringify(explanation),
    formatExplanation(explanation),
    redactedCopy(answer),
    JSON.stringify(summary),
    formatHarSummary(summary),
    JSON.stringify(await explainEntry(har.entries[0]!)),
    redactedCopy(har.entries[0]!.answer!),
  ].join('\n')
}

describe('no secret of a request is in what is said of the answer, nor in the copy', () => {
  const all = Object.entries(HOLDERS).flatMap(([holder, held]) =>
    Object.entries(ECHOES).map(([echo, echoed]) => [holder, echo, held, echoed] as const),
  )
  it.each(all)('%s, %s', async (_, __, held, echoed) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(token, password), async (secret) => {
        const request = { method: 'GET', url: 'https://api.test/v1/x', headers: [], ...held(secret) }
        const answer = {
          version: 'HTTP/1.1',
          status: 401,
          statusText: '',
          headers: [],
          body: '',
          ...echoed(secret),
          request,
        }
        const text = await outputsFor(answer)
        expect(text).not.toContain(secret)
        expect(text).not.toContain(encodeURIComponent(secret))
      }),
      { seed: 17, numRuns: process.env['DEEP'] ? 200 : 20 },
    )
  })
})

it('what a server says cannot move a cursor, nor turn the text', async () => {
  const evil = 'a\u001b[2Jb\u009b31mc\u202ed\u0007e\u2066f'
  const body = JSON.stringify({ message: evil, code: evil })
  const text = await outputsFor({
    version: 'HTTP/1.1',
    status: 400,
    statusText: evil,
    headers: [
      ['x-ratelimit-bucket', evil],
      ['x-ratelimit-remaining', '0'],
    ],
    body,
    request: { method: 'GET', url: 'https://api.test/', headers: [] },
  })
  expect(text).toContain('31mc')
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
})
