// Slack: docs.slack.dev, "Rate limits", "Using the Slack Web API", as in November 2026; its client library for Node 8.2. Each method has the
// limit of its tier, per workspace.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { bearer, type Fields, fieldsOf, isMissing, keyFault, MINUTE, seconds } from './values.ts'

type Limit = 'messages' | 'tier-1' | 'tier-2' | 'tier-3' | 'tier-4'

/** Errors come as a 200. */
const error = (code: string, more: Fields = {}): Reply => ({ body: { ok: false, error: code, ...more } })

const ok = (fields: Fields): Reply => ({ body: { ok: true, ...fields } })

/** Of a form, of JSON, or of the address. */
const argumentsOf = (call: Call<Limit>): Fields => ({ ...Object.fromEntries(call.url.searchParams), ...fieldsOf(call) })

const channelOf = (call: Call<Limit>): string => {
  const { channel } = argumentsOf(call)
  return typeof channel === 'string' ? channel : ''
}

const inChannel =
  (answer: (channel: string, call: Call<Limit>) => Reply): Handler<Limit> =>
  (call) => {
    const channel = channelOf(call)
    return channel === '' || isMissing(channel) ? error('channel_not_found') : answer(channel, call)
  }

const EPOCH = 1_796_000_000

const CHANNELS = ['general', 'random'].map((name, i) => ({
  id: `C0000000${i + 1}`,
  name,
  is_channel: true,
  is_archived: false,
}))
const USERS = [{ id: 'U00000001', name: 'ada', deleted: false, is_bot: false }]

const LAST_PAGE = { response_metadata: { next_cursor: '' } }

const METHODS: Readonly<Record<string, { readonly limit: Limit; readonly handler: Handler<Limit> }>> = {
  'api.test': { limit: 'tier-4', handler: (call) => ok({ args: argumentsOf(call) }) },
  'auth.test': {
    limit: 'tier-4',
    handler: () =>
      ok({
        url: 'https://mock.slack.com/',
        team: 'Mock',
        user: 'bot',
        team_id: 'T00000001',
        user_id: 'U00000002',
        bot_id: 'B00000001',
      }),
  },
  'chat.postMessage': {
    limit: 'messages',
    handler: inChannel((channel, call) => {
      const { text, blocks, attachments } = argumentsOf(call)
      if (!text && !blocks && !attachments) return error('no_text')
      const count = Number(call.memory.get('messages') ?? 0) + 1
      call.memory.set('messages', count)
      const ts = `${EPOCH}.${String(count).padStart(6, '0')}`
      const message = { type: 'message', user: 'U00000002', bot_id: 'B00000001', text: text ?? '', ts }
      call.memory.set(`message ${channel} ${ts}`, message)
      return ok({ channel, ts, message })
    }),
  },
  'conversations.history': {
    limit: 'tier-3',
    handler: inChannel((channel, { memory }) => {
      const keys = [...memory.keys()].filter((key) => key.startsWith(`message ${channel} `))
      return ok({ messages: keys.map((key) => memory.get(key)).toReversed(), has_more: false })
    }),
  },
  'conversations.list': { limit: 'tier-2', handler: () => ok({ channels: CHANNELS, ...LAST_PAGE }) },
  'users.list': { limit: 'tier-2', handler: () => ok({ members: USERS, ...LAST_PAGE }) },
  'admin.users.list': { limit: 'tier-1', handler: () => error('not_allowed_token_type') },
}

const methodOf = ({ url }: Pick<Call, 'url'>): string => url.pathname.split('/').at(-1) ?? ''

const FAILURES: Readonly<Record<number, string>> = { 500: 'internal_error', 503: 'service_unavailable' }

const problems: Problems<Limit> = {
  window: ({ waitMs }) => ({ ...error('ratelimited'), status: 429, headers: { 'retry-after': seconds(waitMs) } }),
  route: (_, call) => error('unknown_method', { req_method: methodOf(call) }),
  failure: ({ status, waitMs }) => ({
    ...error(FAILURES[status] ?? 'fatal_error'),
    status,
    ...(waitMs !== undefined && { headers: { 'retry-after': seconds(waitMs) } }),
  }),
}

const tier = (limit: number) => ({ kind: 'bucket', limit, windowMs: MINUTE, per: 'route' }) as const

export const slack: Profile<Limit> = {
  name: 'slack',
  limits: {
    /** One a second, in a channel. Short bursts are tolerated; how many it does not say. */
    messages: { kind: 'bucket', limit: 1, windowMs: 1000, burst: 5, per: 'route' },
    'tier-1': tier(1),
    'tier-2': tier(20),
    'tier-3': tier(50),
    'tier-4': tier(100),
  },
  routes: Object.fromEntries(
    Object.entries(METHODS).flatMap(([name, { handler }]) => [
      [`GET /api/${name}`, handler],
      [`POST /api/${name}`, handler],
    ]),
  ),
  weigh(call) {
    const limit = METHODS[methodOf(call)]?.limit
    return limit === undefined ? {} : { [limit]: 1 }
  },
  admit(call) {
    const { token } = argumentsOf(call)
    const fault = keyFault(bearer(call) ?? (typeof token === 'string' ? token : undefined))
    return fault && error(fault === 'absent' ? 'not_authed' : 'invalid_auth')
  },
  headers: (_, { id }) => ({
    'x-slack-req-id': id,
    'x-oauth-scopes': 'chat:write,channels:read,channels:history,users:read',
  }),
  problems,
}
