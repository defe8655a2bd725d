import { classify } from '@aplomb/classify'
import { respond } from '@aplomb/mock-api'
import { type Constrained, type Constraint, createFetch } from '@aplomb/pipeline'
import { expect, test, vi } from 'vitest'
import { retryAfter } from '../src/index.ts'

test('idle keys are forgotten: a crawler over many origins keeps a bounded number', async () => {
  const window = { 'ratelimit-policy': '"default";q=9;w=1', ratelimit: '"default";r=8;t=1' }
  const made = retryAfter() as Constrained<Constraint>
  const fetch = createFetch([made, classify()], { fetch: respond({ headers: window, times: Infinity }) })
  vi.useFakeTimers()
  for (let i = 0; i < 4000; i++) {
    await fetch(`https://host-${i}.test/`)
    vi.advanceTimersByTime(10)
  }
  vi.useRealTimers()
  expect([...made.constraints()].length).toBeLessThanOrEqual(1000)
})
