import { readLimits } from '@aplomb/limits'
import { createMockApi } from '@aplomb/mock-api'
import { apifreaks } from '@aplomb/mock-api/profiles'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { judged } from './ask.ts'

const ask = (api: ReturnType<typeof createMockApi>, path: string, key = 'test') =>
  api.fetch(`https://api.apifreaks.com/${path}`, { headers: { 'x-apikey': key } })

const SCRAPING = 'v1.0/scraping?url=https://example.com'
const LOOKUP = 'v1.0/geolocation/lookup?ip=8.8.8.8'

describe('the profile of APIFreaks, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('the cost on every answer, the ceiling on those that it is for', async () => {
    const api = createMockApi({ profile: apifreaks })
    const light = readLimits(await ask(api, LOOKUP))
    expect([light.credits?.cost, light.concurrency]).toEqual([1, undefined])
    const heavy = readLimits(await ask(api, SCRAPING))
    expect([heavy.credits, heavy.concurrency]).toMatchObject([{ cost: 10 }, { limit: 3, active: 1 }])
    const failed = readLimits(await ask(api, 'v1.0/domain/whois/live?domainName=missing.example'))
    expect(failed.credits?.cost).toBe(0)
    expect(api.stats().creditsSpent).toBe(11)
  })

  it('too many at once: only of the heavy routes', async () => {
    const api = createMockApi({ profile: apifreaks, latencyMs: 10 })
    const calls = Promise.all([SCRAPING, LOOKUP, SCRAPING, SCRAPING, SCRAPING, LOOKUP].map((path) => ask(api, path)))
    await vi.advanceTimersByTimeAsync(10)
    const answers = await calls
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429, 200])
    expect(await judged(answers[4]!)).toMatchObject({ kind: 'concurrency-limited', retryable: true })
  })

  it('credits that run out, and the balance, which is free', async () => {
    const api = createMockApi({ profile: apifreaks, limits: { credits: 11 } })
    await ask(api, SCRAPING)
    const refused = await ask(api, SCRAPING)
    expect([refused.status, await judged(refused)]).toMatchObject([402, { kind: 'quota-exhausted', retryable: false }])
    expect((await ask(api, LOOKUP)).status).toBe(200)
    expect(await (await ask(api, 'v1.0/credits/usage/info')).json()).toMatchObject({
      subAllowedCredits: 11,
      subUsedCredits: 11,
    })
  })

  it.each([
    [401, LOOKUP, 'invalid', 'unauthenticated'],
    [401, LOOKUP, '', 'unauthenticated'],
    [400, 'v1.0/geolocation/lookup', 'test', 'invalid'],
    [404, 'v2.1/dns/reverse?value=missing.example', 'test', 'missing'],
    [404, 'v1.0/nothing', 'test', 'missing'],
    [423, 'v1.0/geolocation/lookup?ip=10.0.0.1', 'test', 'invalid'],
  ])('%i', async (status, path, key, kind) => {
    const refused = await ask(createMockApi({ profile: apifreaks }), path, key)
    expect([refused.status, await judged(refused)]).toMatchObject([
      status,
      { kind, message: expect.stringMatching(/\w{4}/) },
    ])
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
    ['408', 'server-error'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: apifreaks, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await ask(api, LOOKUP))).toMatchObject({ kind, retryable: true })
  })
})
