import type { CreateFetchOptions } from '@aplomb/pipeline'
import { classify } from '@aplomb/classify'
import { createFetch, type CallEvent } from '@aplomb/pipeline'
import { describe, expect, test } from 'vitest'
import { BudgetExceededError, creditMeter, type CreditAlert, type CreditMeterOptions } from '../src/index.ts'

const A = 'https://a.test'
const B = 'https://b.test'
const PATHS = { endpoints: [{ endpoint: '/v2/there', attempts: 1 }] }

/** An answer that redirects to this URL have led to. */
const at = (url: string, status: number, headers: Record<string, string> = {}): Response =>
  Object.defineProperties(new Response('', { status, headers }), { url: { value: url }, redirected: { value: true } })

const spent = { 'x-credits-charged': '3', 'x-credits-remaining': '7' }

const metered = (answer: () => Response, options: CreditMeterOptions = {}, more: CreateFetchOptions = {}) => {
  const meter = creditMeter(options)
  const events: CallEvent[] = []
  const fetch = createFetch([meter, classify()], {
    fetch: async () => answer(),
    onEvent: (event) => events.push(event),
    ...more,
  })
  const credits = () => events.flatMap((event) => (event.type === 'credits' ? [event] : []))
  return { meter, fetch, credits }
}

describe('2. what another origin says after a redirect is about that one', () => {
  test('what it has charged, and what it has left', async () => {
    const { meter, fetch, credits } = metered(() => at(`${B}/v2/there`, 200, spent))
    await fetch(`${A}/v1/here`)
    expect(meter.usage(B)).toMatchObject({ spent: 3, attempts: 1, left: 7, ...PATHS })
    expect(meter.usage(A)).toMatchObject({ spent: 0, attempts: 0, left: undefined })
    expect(meter.usage()).toMatchObject({ spent: 3, attempts: 1 })
    expect(credits()).toMatchObject([{ key: B, endpoint: '/v2/there', cost: 3, spent: 3, left: 7 }])
  })
  test.each<[string, string, CreateFetchOptions, string]>([
    ['within the origin', `${A}/v2/there`, {}, A],
    ['with a key of the user', `${B}/v2/there`, { key: 'mine' }, 'mine'],
    ['with no URL', '', {}, A],
  ])('but not a redirect %s', async (_, url, options, key) => {
    const { meter, fetch } = metered(() => at(url, 200, spent), {}, options)
    await fetch(`${A}/v1/here`)
    expect(Object.keys(meter.usage().keys)).toEqual([key])
    expect(meter.usage(key)).toMatchObject({ spent: 3, attempts: 1, left: 7, endpoints: [{ endpoint: '/v1/here' }] })
  })
  test('what an answer costs by the option is charged to the call', async () => {
    const { meter, fetch, credits } = metered(() => at(`${B}/v2/there`, 200, { 'x-credits-remaining': '7' }), {
      cost: 2,
      budget: 4,
      stopAt: 100,
    })
    await fetch(`${A}/v1/here`)
    await fetch(`${A}/v1/here`)
    await expect(fetch(`${A}/v1/here`)).rejects.toBeInstanceOf(BudgetExceededError)
    expect(meter.usage(A)).toMatchObject({ spent: 4, attempts: 2, left: 0 })
    expect(meter.usage(B)).toMatchObject({ spent: 0, attempts: 0, left: 4 })
    expect(credits().slice(0, 2)).toMatchObject([
      { key: A, cost: 2 },
      { key: B, cost: 0 },
    ])
  })
  test('its empty balance stops nobody else, and its alerts are about itself', async () => {
    const alerts: CreditAlert[] = []
    const headers = { 'x-credits-remaining': '0', 'x-credits-limit': '100' }
    const { meter, fetch } = metered(() => at(`${B}/v2/there`, 402, headers), {
      budget: 100,
      stopAt: 100,
      onAlert: (alert) => alerts.push(alert),
    })
    expect((await fetch(`${A}/v1/here`)).status).toBe(402)
    expect((await fetch(`${A}/v1/here`)).status).toBe(402)
    expect(meter.usage(A)).toMatchObject({ left: 100 })
    await expect(fetch(`${B}/v1/here`)).rejects.toBeInstanceOf(BudgetExceededError)
    expect(alerts.map(({ key, condition }) => [key, condition])).toEqual([[B, 'billing']])
  })
})
