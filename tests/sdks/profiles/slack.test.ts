import { rules } from '@aplomb/classify'
import { createMockApi } from '@aplomb/mock-api'
import { slack } from '@aplomb/mock-api/profiles'
import { ErrorCode, LogLevel, WebClient } from '@slack/web-api'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post } from './ask.ts'

const KEY = { authorization: 'Bearer xoxb-1' }
const POST = 'https://slack.com/api/chat.postMessage'
const message = { channel: 'C00000001', text: 'hi' }

describe('the profile of Slack, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['a method of its own', POST, { messages: { burst: 1 } }, 1000],
    ['a method of tier 2', 'https://slack.com/api/users.list', { 'tier-2': { burst: 1 } }, 3000],
  ] as const)('too many calls of %s, and no other', async (_, url, limits, waitMs) => {
    const api = createMockApi({ profile: slack, limits })
    expect((await post(api, url, KEY, message)).status).toBe(200)
    const refused = await post(api, url, KEY, message)
    expect([refused.status, await judged(refused)]).toMatchObject([
      429,
      { kind: 'rate-limited', retryable: true, retryAfterMs: waitMs, message: 'ratelimited' },
    ])
    expect((await post(api, 'https://slack.com/api/conversations.list', KEY, {})).status).toBe(200)
    vi.advanceTimersByTime(waitMs)
    expect((await post(api, url, KEY, message)).status).toBe(200)
  })

  it.each([
    ['not_authed', POST, {}, message, 'unauthenticated'],
    ['invalid_auth', POST, { authorization: 'Bearer xoxb-invalid' }, message, 'unauthenticated'],
    ['channel_not_found', POST, KEY, { ...message, channel: 'missing' }, 'missing'],
    ['no_text', POST, KEY, { channel: 'C00000001' }, 'invalid'],
    ['unknown_method', 'https://slack.com/api/no.such', KEY, {}, 'invalid'],
    ['not_allowed_token_type', 'https://slack.com/api/admin.users.list', KEY, {}, 'forbidden'],
  ])('%s, in a 200', async (code, url, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: slack }), url, headers, sent)
    expect([refused.status, await judged(refused, rules.slack)]).toMatchObject([200, { kind, message: code }])
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: slack, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await post(api, POST, KEY, message))).toMatchObject({ kind, retryable: true })
  })
})

describe('the profile of Slack, as its client library reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, token = 'xoxb-1') =>
    new WebClient(token, {
      fetch: api.fetch,
      logLevel: LogLevel.ERROR,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
    })

  const say = (client: WebClient, options: Record<string, unknown>) => client.apiCall('chat.postMessage', options)

  it('messages that are posted and read', async () => {
    const client = clientOf(createMockApi({ profile: slack }))
    const posted = await say(client, { channel: 'C00000001', text: 'hi', blocks: [{ type: 'divider' }] })
    await say(client, { channel: 'C00000001', text: 'there' })
    const { messages } = await client.conversations.history({ channel: 'C00000001' })
    expect(messages?.map(({ text }) => text)).toEqual(['there', 'hi'])
    expect(posted).toMatchObject({ ok: true, ts: messages?.[1]?.ts })
    expect((await client.auth.test()).user_id).toBe('U00000002')
    expect((await client.conversations.list()).channels?.map(({ name }) => name)).toEqual(['general', 'random'])
  })

  it('its errors', async () => {
    const client = clientOf(createMockApi({ profile: slack, limits: { messages: { burst: 2 } } }))
    expect(await fault(say(client, { channel: 'missing', text: 'hi' }))).toMatchObject({
      code: ErrorCode.PlatformError,
      data: { error: 'channel_not_found' },
    })
    await say(client, message)
    expect(await fault(say(client, message))).toMatchObject({
      code: ErrorCode.RateLimitedError,
      retryAfter: 1,
    })
    const down = clientOf(createMockApi({ profile: slack, outages: [{ fromMs: 0, toMs: 1000 }] }))
    expect(await fault(down.auth.test())).toMatchObject({ code: ErrorCode.HTTPError, statusCode: 503 })
    expect(await fault(clientOf(createMockApi({ profile: slack }), 'invalid').auth.test())).toMatchObject({
      data: { error: 'invalid_auth' },
    })
  })
})
