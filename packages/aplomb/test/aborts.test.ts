import { getEventListeners } from 'node:events'
import { createMockApi } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { expect, test, vi } from 'vitest'
import { aplomb } from '../src/index.ts'

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

test('a thousand calls, aborted at different points of their life, leave nothing behind', async () => {
  const api = createMockApi({
    windows: [{ limit: 100, windowMs: 1000 }],
    concurrency: 5,
    latencyMs: [5, 50],
    flaky: { rate: 0.2, kinds: ['500', '503', 'reset'] },
  })
  const server = await serve(api, { port: 0 })
  try {
    const before = timers()
    const fetch = aplomb()
    const reason = new Error('mine')
    const callers: AbortController[] = []
    // From this answer it knows the ceiling: where answers are slow to be read, all thousand would go at once before.
    await (await fetch(`${server.url}/v1/lookup/10.1.0.0`)).arrayBuffer()
    const ends = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const caller = new AbortController()
        callers.push(caller)
        const timer = setTimeout(() => caller.abort(reason), (i * 7919) % 2000)
        try {
          const response = await fetch(`${server.url}/v1/lookup/10.0.${i >> 8}.${i & 255}`, { signal: caller.signal })
          await response.arrayBuffer()
          return 'answered'
        } catch (error) {
          return error === reason ? 'aborted' : String(error)
        } finally {
          clearTimeout(timer)
        }
      }),
    )
    expect(new Set(ends)).toEqual(new Set(['answered', 'aborted']))
    // A call ends at once; the request that it has aborted does so a turn or two later, and gives back its slot then.
    await vi.waitFor(() => expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 }))
    // The server, which is here, too, hears of it then.
    await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before))
    for (const { signal } of callers) if (signal.aborted) expect(getEventListeners(signal, 'abort')).toEqual([])
  } finally {
    await server.close()
  }
})

test('ten thousand queued calls that share a signal add one listener to it, and all end when it fires', async () => {
  const fetch = aplomb({ fetch: () => new Promise(() => undefined), concurrencyGate: { limit: 1 } })
  const caller = new AbortController()
  const { signal } = caller
  const calls = Array.from({ length: 10_000 }, (_, i) => fetch(`https://api.test/v1/lookup/${i}`, { signal }))
  const ends = Promise.allSettled(calls)
  await vi.waitFor(() => expect(fetch.stats()).toMatchObject({ queued: 9999 }))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  const reason = new Error('mine')
  caller.abort(reason)
  for (const end of await ends) expect(end).toEqual({ status: 'rejected', reason })
  await vi.waitFor(() => expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 }))
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
