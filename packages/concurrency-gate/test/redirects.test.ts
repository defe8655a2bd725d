import { classify } from '@aplomb/classify'
import { createFetch, type CreateFetchOptions } from '@aplomb/pipeline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { concurrencyGate } from '../src/index.ts'

const A = 'https://a.test'
const B = 'https://b.test'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** An answer that redirects to this URL have led to. */
const at = (url: string, status: number, headers: Record<string, string> = {}): Response =>
  Object.defineProperties(new Response('', { status, headers }), { url: { value: url }, redirected: { value: true } })

const ceiling = { 'x-concurrent-limit': '2', 'x-concurrent-current': '1' }
const full = { 'x-concurrent-limit': '2', 'x-concurrent-current': '2' }

/** What a gate comes to whose calls to A are all answered so, four at once, time and again. */
const gateOf = async (answer: () => Response, options: CreateFetchOptions = {}, rounds = 4) => {
  const gate = concurrencyGate()
  let sent = 0
  const fetch = createFetch([gate, classify()], {
    fetch: async () => {
      sent++
      await new Promise((resolve) => void setTimeout(resolve, 10))
      return answer()
    },
    ...options,
  })
  const statuses: number[] = []
  const began = Date.now()
  let endedAt = began
  const all = Array.from({ length: rounds }, async (_, round) => {
    await new Promise((resolve) => void setTimeout(resolve, round * 20))
    const calls = Array.from({ length: 4 }, (__, i) => fetch(`${A}/v1/${'xyzw'[i]}`))
    for (const call of calls) statuses.push((await call).status)
    endedAt = Date.now()
  })
  await vi.advanceTimersByTimeAsync(600_000)
  await Promise.all(all)
  return { limit: gate.stats(options.key === undefined ? A : 'mine').limit, statuses, sent, ms: endedAt - began }
}

describe('21. what another origin says after a redirect is none of the key', () => {
  test('its ceiling', async () => {
    expect((await gateOf(() => at(`${B}/x`, 200, ceiling))).limit).toBeGreaterThan(2)
    expect((await gateOf(() => at(`${A}/x`, 200, ceiling))).limit).toBe(2)
    expect((await gateOf(() => at(`${B}/x`, 200, ceiling), { key: 'mine' })).limit).toBe(2)
    expect((await gateOf(() => at('', 200, ceiling))).limit).toBe(2)
  })
  test('that is of the other', async () => {
    const gate = concurrencyGate()
    const fetch = createFetch([gate, classify()], { fetch: async () => at(`${B}/x`, 200, ceiling) })
    await fetch(`${A}/v1/x`)
    expect(gate.stats(B).limit).toBe(2)
  })
  test.each([
    ['too many in flight', 429, full],
    ['too many, without a word', 429, {}],
    ['overloaded', 503, {}],
    ['failures', 500, {}],
  ])('its refusals: %s', async (_, status, headers) => {
    const { limit, statuses, sent, ms } = await gateOf(() => at(`${B}/x`, status, headers))
    // Each is sent at once and once, and returned: whatever else is to be done about it is for the backoff.
    expect({ statuses, sent, ms }).toEqual({ statuses: Array<number>(16).fill(status), sent: 16, ms: 70 })
    expect(limit).toBe(4)
  })
  test('what it serves was served: the limit grows as ever', async () => {
    const elsewhere = await gateOf(() => at(`${B}/x`, 200))
    expect(elsewhere).toEqual(await gateOf(() => at(`${A}/x`, 200)))
    expect(elsewhere.limit).toBeGreaterThan(4)
  })
})
