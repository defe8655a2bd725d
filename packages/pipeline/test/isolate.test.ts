import { afterEach, describe, expect, it, vi } from 'vitest'
import { outcomes, useFakeTime, watch } from '../../aplomb/test/support/time.ts'
import { constrained, createFetch, type Fetch } from '../src/index.ts'

useFakeTime()
afterEach(() => void vi.unstubAllGlobals())

const URL_A = 'https://api.test/a'

const single = () =>
  constrained('single', () => {
    let busy = false
    return {
      waitMs: () => (busy ? Infinity : 0),
      sent: () => void (busy = true),
      ended: () => void (busy = false),
    }
  })

describe('where requests share the module, but not their timers (Cloudflare Workers)', () => {
  it('whoever waits has a timer of its own; elsewhere there is one for all', async () => {
    const hang: Fetch = () => new Promise(() => undefined)
    for (const [userAgent, timers] of [
      ['Cloudflare-Workers', 3],
      ['Node.js/24', 0],
    ] as const) {
      vi.stubGlobal('navigator', { userAgent })
      const fetch = createFetch([single()], { fetch: hang })
      for (let i = 0; i < 4; i++) watch(fetch(URL_A))
      expect(vi.getTimerCount()).toBe(timers)
      vi.clearAllTimers()
    }
  })

  it('what is in flight for 30 s is taken for lost: its request may be gone', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    let sent = 0
    const fetch = createFetch([single()], {
      fetch: async () => (sent++ === 0 ? new Promise<Response>(() => undefined) : new Response('ok')),
    })
    watch(fetch(URL_A))
    const behind = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(29_000)
    expect(sent).toBe(1)
    const [end] = await outcomes([behind])
    expect(end).toHaveProperty('value.status', 200)
    expect(vi.getTimerCount()).toBe(0)
  })
})
