import { createMockApi } from '@aplomb/mock-api'
import { supabase } from '@aplomb/mock-api/profiles'
import { createClient } from '@supabase/supabase-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { judged, post } from './ask.ts'

const KEY = { apikey: 'test' }
const REST = 'https://mock.supabase.co/rest/v1'

describe('the profile of Supabase, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('more at once than there are connections', async () => {
    const api = createMockApi({ profile: supabase, limits: { concurrency: 1 }, latencyMs: 10 })
    const first = api.fetch(`${REST}/items`, { headers: KEY })
    const refused = await api.fetch(`${REST}/items`, { headers: KEY })
    expect([refused.status, await judged(refused)]).toMatchObject([504, { retryable: true, code: 'PGRST003' }])
    await vi.advanceTimersByTimeAsync(10)
    expect((await first).status).toBe(200)
  })

  it.each([
    [401, 'items', {}, {}, 'unauthenticated'],
    [401, 'items', { apikey: 'invalid' }, {}, 'unauthenticated'],
    [404, 'missing', KEY, {}, 'missing'],
    [404, 'no/such/path', KEY, {}, 'missing'],
    [404, 'rpc/missing', KEY, {}, 'missing'],
    [400, 'items', KEY, 'a string', 'invalid'],
  ])('%i', async (status, path, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: supabase }), `${REST}/${path}`, headers, sent)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it('a row that is there already', async () => {
    const api = createMockApi({ profile: supabase })
    expect((await post(api, `${REST}/items`, KEY, { id: 1 })).status).toBe(201)
    const refused = await post(api, `${REST}/items`, KEY, { id: 1 })
    expect([refused.status, await judged(refused)]).toMatchObject([409, { kind: 'conflict', retryable: false }])
  })

  it('a project that has used up its traffic', async () => {
    const refused = await post(createMockApi({ profile: supabase, limits: { credits: 0 } }), `${REST}/items`, KEY, {})
    expect([refused.status, (await judged(refused)).retryable]).toEqual([402, false])
  })

  it.each([
    ['500', 'server-error', true],
    ['503', 'overloaded', true],
    ['403', 'forbidden', false],
  ] as const)('%s by chance', async (status, kind, retryable) => {
    const api = createMockApi({ profile: supabase, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await api.fetch(`${REST}/items`, { headers: KEY }))).toMatchObject({ kind, retryable })
  })
})

describe('the profile of Supabase, as its client library reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, key = 'test') =>
    createClient('https://mock.supabase.co', key, {
      auth: { persistSession: false, autoRefreshToken: false },
      db: { retry: false },
      global: { fetch: api.fetch },
    })

  it('rows that are inserted, found, changed and deleted', async () => {
    const client = clientOf(createMockApi({ profile: supabase }))
    const made = await client
      .from('items')
      .insert([{ name: 'lamp' }, { name: 'chair' }])
      .select()
    expect([made.status, made.data]).toEqual([
      201,
      [
        { id: 1, name: 'lamp' },
        { id: 2, name: 'chair' },
      ],
    ])
    expect((await client.from('items').insert({ name: 'desk' })).status).toBe(201)
    expect((await client.from('items').select().eq('name', 'desk').single()).data).toEqual({ id: 3, name: 'desk' })
    const changed = await client.from('items').update({ name: 'lamps' }).eq('id', 1).select()
    expect([changed.status, changed.data]).toEqual([200, [{ id: 1, name: 'lamps' }]])
    expect((await client.from('items').upsert({ id: 2, name: 'chairs' }).select()).data).toEqual([
      { id: 2, name: 'chairs' },
    ])
    expect((await client.from('items').delete().eq('id', 1)).status).toBe(204)
    expect((await client.from('items').select()).data).toHaveLength(2)
    expect((await client.rpc('echo', { a: 1 })).data).toEqual({ a: 1 })
  })

  it('its errors', async () => {
    const client = clientOf(createMockApi({ profile: supabase }))
    expect(await client.from('missing').select()).toMatchObject({ status: 404, error: { code: 'PGRST205' } })
    expect(await client.from('items').select().single()).toMatchObject({ status: 406, error: { code: 'PGRST116' } })
    await client.from('items').insert({ id: 1 })
    expect(await client.from('items').insert({ id: 1 })).toMatchObject({ status: 409, error: { code: '23505' } })
    const stranger = clientOf(createMockApi({ profile: supabase }), 'invalid')
    expect(await stranger.from('items').select()).toMatchObject({ status: 401, error: { message: 'Invalid API key' } })
  })
})
