import { createFetch, judgeHead, type Verdict, verdictOf } from '@aplomb/pipeline'
import { describe, expect, it } from 'vitest'
import { readHeaders, type ReadHeadersOptions } from '../src/index.ts'

const judge = async (
  status: number,
  headers: Record<string, string>,
  options?: ReadHeadersOptions,
): Promise<Verdict> => {
  const response = new Response('{"code":"insufficient_quota"}', { status, headers })
  const fetch = createFetch([readHeaders(options)], { fetch: async () => response })
  expect(await fetch('https://api.test/')).toBe(response)
  expect(response.bodyUsed).toBe(false)
  return verdictOf(response)
}

const window = (remaining: number, reset: number, w: number): Record<string, string> => ({
  'ratelimit-policy': `"default";q=10;w=${w}`,
  ratelimit: `"default";r=${remaining};t=${reset}`,
})

describe('17. `readHeaders()` gives the middlewares above what the headers of an answer say, and reads no body', () => {
  it('windows, concurrency, credits and waits, of successes too', async () => {
    const verdict = await judge(200, { ...window(7, 30, 60), 'x-credits-charged': '2', 'retry-after-ms': '40' })
    expect(verdict).toMatchObject({ kind: 'ok', retryAfterMs: undefined })
    expect(verdict.limits).toMatchObject({
      retryAfterMs: 40,
      windows: [{ limit: 10, remaining: 7, resetMs: 30_000, windowMs: 60_000 }],
      credits: { cost: 2 },
    })
  })

  it('the finest wait of a refusal', async () => {
    expect(await judge(429, { 'retry-after': '1', 'retry-after-ms': '250' })).toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 250,
      evidence: '429, retry-after-ms 0.25 s',
    })
  })

  it('a ceiling that is reached: too many in flight', async () => {
    const full = { 'x-concurrent-threads': '3', 'x-concurrent-threads-active': '3' }
    expect(await judge(429, full)).toMatchObject({
      kind: 'concurrency-limited',
      action: 'slow-down',
      refused: true,
      evidence: '429, x-concurrent-threads-active 3 of 3',
    })
    expect(await judge(503, full)).toMatchObject({ kind: 'concurrency-limited', refused: true })
    expect(await judge(500, full)).toMatchObject({ kind: 'server-error', refused: false })
    expect((await judge(429, { ...full, 'x-concurrent-threads-active': '2' })).kind).toBe('rate-limited')
    expect((await judge(429, { 'x-rate-limit-limit': '0', 'x-rate-limit-remaining': '0' })).kind).toBe(
      'concurrency-limited',
    )
  })

  it('a window that is used up, with its reset as the wait', async () => {
    expect(await judge(429, window(0, 30, 60))).toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 30_000,
      evidence: '429, ratelimit 0 of 10 (default)',
    })
    // What is named wins over a reset, be it shorter.
    expect((await judge(429, { ...window(0, 30, 60), 'retry-after': '2' })).retryAfterMs).toBe(2000)
    expect(await judge(403, window(0, 30, 60))).toMatchObject({ kind: 'rate-limited', refused: false })
  })

  it('the allowance of a day or a month', async () => {
    expect(await judge(429, window(0, 30, 86_400))).toMatchObject({
      kind: 'quota-exhausted',
      action: 'pay',
      retryable: false,
      retryAfterMs: 30_000,
    })
  })

  it('something left and still refused is what the status says', async () => {
    expect(await judge(429, window(3, 30, 60))).toMatchObject({ kind: 'rate-limited', retryAfterMs: undefined })
  })

  it('rows of your own', async () => {
    const rows = [{ header: 'x-acme-wait', means: 'retry-after', unit: 'ms' }] as const
    expect((await judge(429, { 'x-acme-wait': '70' }, { rows })).retryAfterMs).toBe(70)
  })

  it('no headers at all', async () => {
    const response = new Response(null, { status: 500 })
    const verdict = await judge(500, {})
    expect(verdict).toEqual({ ...judgeHead(response), limits: { windows: [] } })
  })

  it('options that make no sense fail at creation', () => {
    expect(() => readHeaders({ row: [] } as never)).toThrow(
      new TypeError('readHeaders: unknown option row (object Array); did you mean rows? It takes a list of rows'),
    )
    expect(() => readHeaders({ rows: [{ header: 'X-Up', means: 'limit' }] })).toThrow(RangeError)
  })
})
