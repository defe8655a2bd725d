import { createMockApi } from '@aplomb/mock-api'
import { discord } from '@aplomb/mock-api/profiles'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { judged, post, told } from './ask.ts'

const KEY = { authorization: 'Bot test' }
const API = 'https://discord.com/api/v10'
const MESSAGES = `${API}/channels/1/messages`

const get = (api: ReturnType<typeof createMockApi>, path: string, headers: Record<string, string> = KEY) =>
  api.fetch(`${API}/${path}`, { headers })

describe('the profile of Discord, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('the bucket of its route, to the millisecond', async () => {
    const api = createMockApi({ profile: discord })
    const answer = await post(api, MESSAGES, KEY, { content: 'hi' })
    expect(Object.values(told(answer))).toEqual([{ limit: 5, remaining: 4, resetMs: 5000 }])
    vi.advanceTimersByTime(1234)
    const other = await get(api, 'users/@me')
    expect(other.headers.get('x-ratelimit-bucket')).not.toBe(answer.headers.get('x-ratelimit-bucket'))
    expect(Object.values(told(other))).toEqual([{ limit: 5, remaining: 4, resetMs: 5000 }])
    expect((await post(api, MESSAGES, KEY, { content: 'hi' })).headers.get('x-ratelimit-reset-after')).toBe('3.766')
  })

  it.each([
    ['route', 'user', 3767],
    ['global', 'global', 767],
  ] as const)('too many of the limit %s', async (name, scope, waitMs) => {
    const windowMs = name === 'global' ? 2001 : 5001
    const api = createMockApi({ profile: discord, limits: { [name]: { limit: 1, windowMs } } })
    await post(api, MESSAGES, KEY, { content: 'hi' })
    vi.advanceTimersByTime(1234)
    const refused = await post(api, MESSAGES, KEY, { content: 'hi' })
    expect(refused.headers.get('x-ratelimit-scope')).toBe(scope)
    expect(await refused.clone().json()).toMatchObject({ retry_after: waitMs / 1000, global: name === 'global' })
    const { retryAfterMs = 0, ...verdict } = await judged(refused)
    expect(verdict).toMatchObject({ kind: 'rate-limited', retryable: true })
    expect(Math.ceil(retryAfterMs / 1000)).toBe(Math.ceil(waitMs / 1000))
    vi.advanceTimersByTime(retryAfterMs)
    expect((await post(api, MESSAGES, KEY, { content: 'hi' })).status).toBe(200)
  })

  it('messages that are posted, read and deleted', async () => {
    const api = createMockApi({ profile: discord })
    const { id } = await (await post(api, MESSAGES, KEY, { content: 'hi' })).json()
    expect(await (await get(api, 'channels/1/messages')).json()).toMatchObject([
      { id, content: 'hi', author: { bot: true } },
    ])
    const deleted = await api.fetch(`${MESSAGES}/${id}`, { method: 'DELETE', headers: KEY })
    expect([deleted.status, await judged(deleted)]).toMatchObject([204, { kind: 'empty' }])
    expect(await (await get(api, 'channels/1/messages')).json()).toEqual([])
    expect((await api.fetch(`${MESSAGES}/${id}`, { method: 'DELETE', headers: KEY })).status).toBe(404)
  })

  it.each([
    [401, 'users/@me', {}, 'unauthenticated'],
    [404, 'channels/missing', KEY, 'missing'],
    [404, 'nothing', KEY, 'missing'],
  ])('%i', async (status, path, headers, kind) => {
    const refused = await get(createMockApi({ profile: discord }), path, headers)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it('400', async () => {
    const refused = await post(createMockApi({ profile: discord }), MESSAGES, KEY, {})
    expect([refused.status, await judged(refused)]).toMatchObject([
      400,
      { kind: 'invalid', message: 'Cannot send an empty message' },
    ])
  })

  it.each([
    ['500', 'server-error', true],
    ['503', 'overloaded', true],
    ['403', 'forbidden', false],
  ] as const)('%s by chance', async (status, kind, retryable) => {
    const api = createMockApi({ profile: discord, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await get(api, 'users/@me'))).toMatchObject({ kind, retryable })
  })
})
