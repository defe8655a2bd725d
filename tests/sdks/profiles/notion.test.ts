import { createMockApi } from '@aplomb/mock-api'
import { notion } from '@aplomb/mock-api/profiles'
import { APIErrorCode, APIResponseError, Client } from '@notionhq/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post } from './ask.ts'

const KEY = { authorization: 'Bearer ntn_test', 'notion-version': '2025-09-03' }
const API = 'https://api.notion.com/v1'

describe('the profile of Notion, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('too many requests', async () => {
    const api = createMockApi({ profile: notion, limits: { requests: { limit: 1 } } })
    expect((await post(api, `${API}/search`, KEY, {})).status).toBe(200)
    const refused = await post(api, `${API}/search`, KEY, {})
    expect([refused.status, await judged(refused)]).toMatchObject([
      429,
      { kind: 'rate-limited', retryable: true, retryAfterMs: 60_000, requestId: expect.stringMatching(/^[\da-f]{8}-/) },
    ])
    vi.advanceTimersByTime(60_000)
    expect((await post(api, `${API}/search`, KEY, {})).status).toBe(200)
  })

  it('two changes of one page at once', async () => {
    const api = createMockApi({ profile: notion, latencyMs: 10 })
    const change = () =>
      api.fetch(`${API}/pages/one`, {
        method: 'PATCH',
        body: '{"properties":{}}',
        headers: { 'content-type': 'application/json', ...KEY },
      })
    const calls = Promise.all([change(), change()])
    await vi.advanceTimersByTimeAsync(10)
    const [first, second] = await calls
    expect([first.status, second.status]).toEqual([200, 409])
    expect(await judged(second)).toMatchObject({ kind: 'conflict', retryable: true })
  })

  it.each([
    [401, 'search', { ...KEY, authorization: '' }, {}, 'unauthenticated'],
    [400, 'search', { authorization: 'Bearer ntn_test' }, {}, 'invalid'],
    [400, 'pages', KEY, { parent: { workspace: true } }, 'unprocessable'],
    [404, 'databases/missing/query', KEY, {}, 'missing'],
    [400, 'nothing', KEY, {}, 'invalid'],
  ])('%i', async (status, path, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: notion }), `${API}/${path}`, headers, sent)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    ['500', 'server-error', true],
    ['503', 'overloaded', true],
    ['529', 'overloaded', true],
    ['403', 'forbidden', false],
  ] as const)('%s by chance', async (status, kind, retryable) => {
    const api = createMockApi({ profile: notion, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await post(api, `${API}/search`, KEY, {}))).toMatchObject({ kind, retryable })
  })
})

describe('the profile of Notion, as its client library reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, auth = 'ntn_test') =>
    // Its type of a fetch is that of node-fetch, too: the platform's own does not fit it either.
    new Client({ auth, fetch: api.fetch as never, retry: false, logger() {} })

  it('pages that are created, changed, read and found', async () => {
    const client = clientOf(createMockApi({ profile: notion }))
    const { id } = await client.pages.create({ parent: { page_id: 'one' }, properties: { a: { number: 1 } } })
    await client.pages.update({ page_id: id, properties: { b: { number: 2 } } })
    expect(await client.pages.retrieve({ page_id: id })).toMatchObject({
      properties: { a: { number: 1 }, b: { number: 2 } },
    })
    expect((await client.search({})).results.map((one) => one.id)).toEqual([id])
    expect((await client.users.me({})).type).toBe('bot')
  })

  it('its errors', async () => {
    const client = clientOf(createMockApi({ profile: notion, limits: { requests: { limit: 2 } } }))
    expect(await fault(client.pages.retrieve({ page_id: 'missing' }))).toMatchObject({
      constructor: APIResponseError,
      code: APIErrorCode.ObjectNotFound,
    })
    await client.search({})
    expect(await fault(client.search({}))).toMatchObject({ code: APIErrorCode.RateLimited, status: 429 })
    expect(await fault(clientOf(createMockApi({ profile: notion }), 'invalid').users.me({}))).toMatchObject({
      code: APIErrorCode.Unauthorized,
    })
    const down = clientOf(createMockApi({ profile: notion, outages: [{ fromMs: 0, toMs: 1000 }] }))
    expect(await fault(down.users.me({}))).toMatchObject({ code: APIErrorCode.ServiceUnavailable })
  })
})
