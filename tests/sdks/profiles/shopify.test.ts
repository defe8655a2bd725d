import { rules } from '@aplomb/classify'
import { createMockApi } from '@aplomb/mock-api'
import { shopify } from '@aplomb/mock-api/profiles'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { judged, post, told } from './ask.ts'

const KEY = { 'x-shopify-access-token': 'shpat_test' }
const ADMIN = 'https://mock.myshopify.com/admin/api/2026-10'
const GRAPHQL = `${ADMIN}/graphql.json`

const get = (api: ReturnType<typeof createMockApi>, path: string, headers: Record<string, string> = KEY) =>
  api.fetch(`${ADMIN}/${path}`, { headers })
const query = (first: number) => ({ query: `{ products(first: ${first}) { nodes { id title } } }` })

describe('the profile of Shopify, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('REST: how much of the bucket is used, and a wait to the tenth of a second', async () => {
    const api = createMockApi({ profile: shopify, limits: { rest: { burst: 2 } } })
    const answer = await get(api, 'products.json')
    expect(Object.values(told(answer))).toMatchObject([{ limit: 2, remaining: 1 }])
    await get(api, 'shop.json')
    vi.advanceTimersByTime(120)
    const refused = await get(api, 'products/1.json')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '0.4'])
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: 400 })
    vi.advanceTimersByTime(400)
    expect((await get(api, 'products/1.json')).status).toBe(200)
  })

  it('GraphQL: what was asked for is taken, what was not needed given back', async () => {
    const { extensions } = await (await post(createMockApi({ profile: shopify }), GRAPHQL, KEY, query(100))).json()
    const { requestedQueryCost, actualQueryCost, throttleStatus } = extensions.cost
    expect(requestedQueryCost).toBe(103)
    expect(throttleStatus).toEqual({
      maximumAvailable: 2000,
      currentlyAvailable: 2000 - actualQueryCost,
      restoreRate: 100,
    })
  })

  it('GraphQL: throttled in a 200, with the wait that the bucket tells', async () => {
    const api = createMockApi({ profile: shopify, limits: { points: { burst: 1000 } } })
    let answer = await post(api, GRAPHQL, KEY, query(900))
    let served = 0
    while (!JSON.stringify(await answer.clone().json()).includes('THROTTLED')) {
      answer = await post(api, GRAPHQL, KEY, query(900))
      served++
    }
    expect([served > 0, answer.status]).toEqual([true, 200])
    const { retryAfterMs = 0, ...verdict } = await judged(answer, rules.shopify)
    expect(verdict).toMatchObject({ kind: 'rate-limited', retryable: true })
    vi.advanceTimersByTime(retryAfterMs)
    expect(JSON.stringify(await (await post(api, GRAPHQL, KEY, query(900))).json())).not.toContain('THROTTLED')
  })

  it('GraphQL: a query that costs too much never fits', async () => {
    const refused = await post(createMockApi({ profile: shopify }), GRAPHQL, KEY, query(1000))
    expect(await judged(refused, rules.shopify)).toMatchObject({ kind: 'invalid', retryable: false })
  })

  it.each([
    [401, 'shop.json', {}, 'unauthenticated'],
    [404, 'products/missing.json', KEY, 'missing'],
    [404, 'nothing.json', KEY, 'missing'],
  ])('%i', async (status, path, headers, kind) => {
    const refused = await get(createMockApi({ profile: shopify }), path, headers)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    [400, {}, 'invalid'],
    [422, { product: {} }, 'unprocessable'],
  ])('%i', async (status, body, kind) => {
    const refused = await post(createMockApi({ profile: shopify }), `${ADMIN}/products.json`, KEY, body)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it('a product that is created', async () => {
    const made = await post(createMockApi({ profile: shopify }), `${ADMIN}/products.json`, KEY, {
      product: { title: 'Lamp' },
    })
    expect([made.status, await made.json()]).toMatchObject([201, { product: { id: 4, title: 'Lamp' } }])
  })

  it.each([
    ['402', 'billing', false],
    ['503', 'overloaded', true],
    ['500', 'server-error', true],
  ] as const)('%s by chance', async (status, kind, retryable) => {
    const api = createMockApi({ profile: shopify, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await get(api, 'shop.json'))).toMatchObject({ kind, retryable })
  })
})
