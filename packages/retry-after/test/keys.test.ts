import { classify } from '@aplomb/classify'
import { respond } from '@aplomb/mock-api'
import { createFetch, type Keyed } from '@aplomb/pipeline'
import { expect, test, vi } from 'vitest'
import { retryAfter } from '../src/index.ts'

const made: Keyed<unknown>[] = []
vi.mock('@aplomb/pipeline', async (original) => {
  const actual = await original<typeof import('@aplomb/pipeline')>()
  const keyed: typeof actual.keyed = (...args) => {
    const one = actual.keyed(...args)
    made.push(one)
    return one
  }
  return { ...actual, keyed }
})

test('idle keys are forgotten: a crawler over many origins keeps a bounded number', async () => {
  const window = { 'ratelimit-policy': '"default";q=9;w=1', ratelimit: '"default";r=8;t=1' }
  const fetch = createFetch([retryAfter(), classify()], { fetch: respond({ headers: window, times: Infinity }) })
  vi.useFakeTimers()
  for (let i = 0; i < 4000; i++) {
    await fetch(`https://host-${i}.test/`)
    vi.advanceTimersByTime(10)
  }
  vi.useRealTimers()
  expect(made).toHaveLength(1)
  expect([...made[0]!.entries()].length).toBeLessThanOrEqual(1000)
})
