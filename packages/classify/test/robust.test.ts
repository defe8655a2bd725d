import { MAX_WAIT_MS } from '@aplomb/limits'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyError, classifyResponse, rules, unwrap, type Verdict, verdictOf } from '../src/index.ts'

const every = Object.values(rules)
const sane = ({ kind, evidence, retryAfterMs, retryAt, message }: Verdict): boolean =>
  typeof kind === 'string' &&
  evidence !== '' &&
  (retryAfterMs === undefined ||
    (Number.isInteger(retryAfterMs) && retryAfterMs >= 0 && retryAfterMs <= MAX_WAIT_MS)) &&
  (retryAt === undefined || !Number.isNaN(retryAt.getTime())) &&
  (message === undefined || (message !== '' && message.length <= 2000))

describe('nothing throws, whatever the answer', () => {
  it('arbitrary bodies under arbitrary statuses', async () => {
    const body = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.json().map((text) => text.slice(0, text.length / 2)),
      fc.json().map((text) => `<Error><Code>${text}</Code><Message>${text}</Message></Error>`),
      fc.uint8Array(),
    )
    const type = fc.constantFrom(
      'application/json',
      'text/html',
      'text/plain; charset=utf-16',
      'application/xml; charset=x',
      'text/event-stream',
      '',
    )
    const status = fc.integer({ min: 200, max: 599 }).filter((code) => ![204, 205, 304].includes(code))
    const property = fc.asyncProperty(body, type, status, async (content, contentType, code) => {
      const response = new Response(content as BodyInit, { status: code, headers: { 'content-type': contentType } })
      const [verdict, copy] = [await classifyResponse(response, { rules: every }), new Response(content as BodyInit)]
      // ... and the body is all there.
      return sane(verdict) && Buffer.from(await response.bytes()).equals(await copy.bytes())
    })
    await expect(fc.assert(property, { numRuns: 500 })).resolves.toBeUndefined()
  })

  it('arbitrary errors', () => {
    const property = fc.property(
      fc.anything(),
      fc.string(),
      (cause, message) => sane(classifyError(cause)) && sane(classifyError(new Error(message, { cause }))),
    )
    expect(() => fc.assert(property, { numRuns: 500 })).not.toThrow()
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'unknown'],
    ['null', null, 'unknown'],
    ['a text', 'x', 'unknown'],
    ['an empty object', {}, 'unknown'],
    ['a status', { status: 429 }, 'rate-limited'],
    ['plain headers', { status: 503, headers: { 'Retry-After': '5' } }, 'overloaded'],
    [
      'a clone that throws',
      {
        status: 500,
        body: {},
        clone: () => {
          throw new Error('no')
        },
      },
      'server-error',
    ],
    ['a body that is a text', { status: 500, body: 'x', headers: new Map(), clone: () => ({}) }, 'server-error'],
    [
      'headers that throw',
      {
        status: 401,
        headers: {
          get: () => {
            throw new Error('no')
          },
        },
      },
      'unauthenticated',
    ],
    ['an opaque response', { status: 0, type: 'opaque' }, 'ok'],
    ['a status that is a text', { status: '200' }, 'unknown'],
  ])('%s stands in for a response', async (_, response, kind) => {
    expect(verdictOf(response as Response)).toMatchObject({ kind })
    expect(await classifyResponse(response as Response)).toMatchObject({ kind })
  })

  it('a stand-in without a clone is judged by what can be seen, and not read', async () => {
    const mock = {
      status: 429,
      headers: { get: (name: string) => (name === 'retry-after' ? '5' : null) },
      json: () => {
        throw new Error('read')
      },
    }
    await expect(unwrap(mock as unknown as Response)).rejects.toMatchObject({ name: 'RateLimitError' })
  })

  it('keys that would reach a prototype', async () => {
    const body = '{"__proto__":{"kind":"ok","retry_after":1},"constructor":{"prototype":{"polluted":1}},"message":"m"}'
    expect(await classifyResponse(new Response(body, { status: 400 }))).toMatchObject({ kind: 'invalid', message: 'm' })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('nothing is slow', () => {
  const size = 65_536
  it.each(
    [
      'a',
      '{',
      '[',
      '{"a":',
      '<',
      '<a>',
      '<code>',
      '<Message>x',
      '"',
      '"message":"',
      '"code":1,',
      '\\',
      ' ',
      '&lt;',
      '<title',
      'concurrent ',
      'quota ',
      'credits ',
      'exceeded ',
      'try again in ',
      'locked by another ',
      'limit of ',
      'data: {"type":"error"}\n\n',
      'event: error\n',
      '\n',
      '0',
      '9.',
      'per day ',
      'too many ',
      '{"error":{"message":"a b"}},',
    ].map((text) => [text]),
  )('64 kB of %j', async (text) => {
    const body = text.repeat(size / text.length)
    const start = performance.now()
    for (const [status, type] of [
      [429, 'text/plain'],
      [403, 'application/json'],
      [409, 'application/xml'],
      [200, 'text/event-stream'],
      [200, 'application/json'],
    ] as const) {
      for (const content of [body, `{"message":${JSON.stringify(body)}}`, `[${JSON.stringify(body)}]`]) {
        const response = new Response(content, { status, headers: { 'content-type': type } })
        expect(await classifyResponse(response, { rules: every, peekBytes: 1e6 })).toSatisfy(sane)
      }
    }
    // Fifteen answers. Backtracking would take minutes.
    expect(performance.now() - start).toBeLessThan(2000)
  })
})
