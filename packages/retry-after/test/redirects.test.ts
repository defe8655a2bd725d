import { classify } from '@aplomb/classify'
import { createFetch, type CallEvent, type CreateFetchOptions, type Fetch } from '@aplomb/pipeline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { retryAfter } from '../src/index.ts'

const A = 'https://a.test'
const B = 'https://b.test'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** An answer that redirects to this URL have led to. */
const at = (url: string, response: Response, redirected = true): Response =>
  Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } })

const hold = (): Response => new Response('', { status: 429, headers: { 'retry-after': '10' } })
const usedUp = (): Response =>
  new Response('', {
    headers: { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '10' },
  })

/** What is sent when, in milliseconds from now, by calls to both origins after one to A that is answered so. */
const sendings = async (first: () => Response, options: CreateFetchOptions = {}) => {
  const began = Date.now()
  const sent: (readonly [origin: string, ms: number])[] = []
  const events: CallEvent[] = []
  let answered = false
  const inner: Fetch = async (input) => {
    sent.push([new URL(new Request(input).url).origin, Date.now() - began])
    if (answered) return new Response('')
    answered = true
    return first()
  }
  const fetch = createFetch([retryAfter(), classify()], {
    fetch: inner,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const call = fetch(`${A}/v1/first`)
  await vi.advanceTimersByTimeAsync(1)
  const others = [fetch(`${A}/v1/x`), fetch(`${B}/v1/x`)]
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await Promise.all([call, ...others].map(async (one) => (await one).status))).toEqual([200, 200, 200])
  const holds = events.flatMap((event) => (event.type === 'hold' ? [event.key] : []))
  const waited = (origin: string): number[] => sent.flatMap(([one, ms]) => (one === origin ? [ms] : []))
  return { a: waited(A), b: waited(B), holds }
}

describe('17. what another origin says after a redirect is about that one', () => {
  test('a wait: the call waits for itself, and the other origin is on hold', async () => {
    const { a, b, holds } = await sendings(() => at(`${B}/v1/x`, hold()))
    expect(a).toEqual([0, 1, 10_000])
    expect(b).toHaveLength(1)
    expect(b[0]).toBeGreaterThanOrEqual(10_000)
    expect(holds).toEqual([B])
  })
  test('a window', async () => {
    const { a, b } = await sendings(() => at(`${B}/v1/x`, usedUp()))
    expect(a).toEqual([0, 1])
    expect(b).toHaveLength(1)
    expect(b[0]).toBeGreaterThanOrEqual(10_000)
  })
  test('its refusals do not make an endpoint of the first one with a limit of its own', async () => {
    const times: number[] = []
    const answers = [
      ...Array.from({ length: 3 }, () => at(`${B}/v1/x`, hold())),
      // Now the endpoint itself is refused.
      hold(),
    ]
    const fetch = createFetch([retryAfter({ maxAttempts: 1 })], {
      fetch: async (input) => {
        times.push(Date.now())
        return (new Request(input).url.endsWith('/first') ? answers.shift() : undefined) ?? new Response('')
      },
    })
    for (let i = 0; i < 4; i++) {
      await fetch(`${A}/v1/first`)
      if (i < 3) await fetch(`${A}/v1/other`)
    }
    const began = Date.now()
    void fetch(`${A}/v1/other`)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(times.at(-1)! - began).toBeGreaterThanOrEqual(10_000)
  })
  test.each<[string, () => Response, CreateFetchOptions]>([
    ['a redirect within the origin', () => at(`${A}/v2/x`, hold()), {}],
    ['an answer that has been sent on by a proxy, not by a redirect', () => at(`${B}/?url=${A}`, hold(), false), {}],
    ['no URL', () => at('', hold()), {}],
    ['a key of the user', () => at(`${B}/v1/x`, hold()), { key: 'mine' }],
    ['the origin as a key of the user', () => at(`${B}/v1/x`, hold()), { key: ({ url }) => new URL(url).origin }],
  ])('but not with %s', async (_, first, options) => {
    const { a, b, holds } = await sendings(first, options)
    for (const ms of a.slice(1)) expect(ms).toBeGreaterThanOrEqual(10_000)
    if (options.key !== 'mine') expect(b).toEqual([1])
    expect(holds).toEqual([options.key === 'mine' ? 'mine' : A])
  })
})
