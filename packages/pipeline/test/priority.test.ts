import { describe, expect, it, vi } from 'vitest'
import { outcomes, useFakeTime } from '../../aplomb/test/support/time.ts'
import { constrained, createFetch, type CreateFetchOptions, type Fetch } from '../src/index.ts'

useFakeTime()

const URL_A = 'https://api.test/a'

/** One call at a time, each takes 10 ms; in which order they came in. */
const setup = (options: CreateFetchOptions = {}) => {
  const order: string[] = []
  const inner: Fetch = async (input) => {
    order.push(new URL(input instanceof Request ? input.url : input).search.slice(1))
    await new Promise((resolve) => void setTimeout(resolve, 10))
    return new Response('ok')
  }
  const single = constrained('single', () => {
    let busy = false
    return {
      waitMs: () => (busy ? Infinity : 0),
      sent: () => void (busy = true),
      ended: () => void (busy = false),
    }
  })
  return { order, fetch: createFetch([single], { ...options, fetch: inner }) }
}

describe('calls that wait go by their urgency', () => {
  it.each<[string, RequestInit, RequestInit]>([
    ['the header `Priority`', { headers: { priority: 'u=1, i' } }, { headers: { priority: 'i, u=6' } }],
    ['`init.priority`', { priority: 'high' }, { priority: 'low' }],
    ['the header before `init.priority`', { priority: 'low', headers: { priority: 'u=0' } }, { priority: 'high' }],
    ['3 where nothing says otherwise', { headers: { priority: 'u=2' } }, { headers: { priority: 'u=x' } }],
  ])('%s', async (_, urgent, other) => {
    const { order, fetch } = setup()
    const calls = [fetch(`${URL_A}?first`), fetch(`${URL_A}?other`, other), fetch(`${URL_A}?urgent`, urgent)]
    await outcomes(calls)
    expect(order).toEqual(['first', 'urgent', 'other'])
  })

  it('an option for all, or a function of the request, comes before what the request says', async () => {
    const priority = ({ url }: Request): number | undefined => (url.endsWith('urgent') ? 0 : undefined)
    const { order, fetch } = setup({ priority })
    const low = { headers: { priority: 'u=7' } }
    await outcomes(['first', 'a', 'urgent', 'b'].map((name) => fetch(`${URL_A}?${name}`, low)))
    expect(order).toEqual(['first', 'urgent', 'a', 'b'])
    expect(setup({ priority: 7 }).fetch).toBeTypeOf('function')
  })

  it('a function that fails, or answers nonsense, leaves it to the request', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    for (const priority of [() => 8, () => 'high', () => Promise.reject(new Error('mine'))]) {
      const { order, fetch } = setup({ priority: priority as never })
      await outcomes(['first', 'a', 'b'].map((name) => fetch(`${URL_A}?${name}`)))
      expect(order).toEqual(['first', 'a', 'b'])
    }
  })

  it.each([-1, 8, 1.5, NaN, 'high', null])('%s is no priority', (priority) => {
    expect(() => setup({ priority: priority as never })).toThrow(/priority must be a whole number from 0/)
  })

  it('an interactive call is not behind a thousand of a batch, and a batch not behind interactive ones for ever', async () => {
    const { order, fetch } = setup()
    const batch = Array.from({ length: 1000 }, (_, i) => fetch(`${URL_A}?batch${i}`, { priority: 'low' }))
    await vi.advanceTimersByTimeAsync(95)
    const interactive = Array.from({ length: 200 }, (_, i) => fetch(`${URL_A}?user${i}`, { priority: 'high' }))
    await outcomes([...batch, ...interactive])
    const from = order.indexOf('user0')
    expect(from).toBe(10)
    const until = order.indexOf('user199')
    // 5 % of what was sent meanwhile.
    expect(until - from + 1).toBe(200 + 10)
    expect(order).toHaveLength(1200)
  })
})
