// Discord: docs.discord.com, "Rate limits", "Opcodes and status codes", as in November 2026. The limit of a route is what it tells of one that
// posts messages; the global one is as documented.
import { hash } from '../random.ts'
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { fieldsOf, isMissing, keyFault, seconds } from './values.ts'

type Limit = 'route' | 'global'

const error = (status: number, code: number, message: string): Reply => ({ status, body: { message, code } })

/** As ids are numbered: a moment, and a count. */
const snowflake = (count: number): string => String(1_400_000_000_000_000_000n + BigInt(count))

const inChannel =
  (answer: Handler<Limit>): Handler<Limit> =>
  (call, params) =>
    isMissing(params['channel'] ?? '') ? error(404, 10_003, 'Unknown Channel') : answer(call, params)

const BOT = { id: snowflake(0), username: 'mock', discriminator: '0000', bot: true, global_name: null, avatar: null }

const postMessage: Handler<Limit> = (call, { channel = '' }) => {
  const { content, embeds } = fieldsOf(call)
  if (!content && !embeds) return error(400, 50_006, 'Cannot send an empty message')
  const count = Number(call.memory.get('messages') ?? 0) + 1
  const message = {
    id: snowflake(count),
    channel_id: channel,
    author: BOT,
    content: content ?? '',
    timestamp: '2026-01-01T00:00:00.000000+00:00',
    type: 0,
  }
  call.memory.set('messages', count)
  call.memory.set(`message ${channel} ${message.id}`, message)
  return { body: message }
}

const listMessages: Handler<Limit> = ({ memory }, { channel = '' }) => {
  const keys = [...memory.keys()].filter((key) => key.startsWith(`message ${channel} `))
  return { body: keys.map((key) => memory.get(key)).toReversed() }
}

const deleteMessage: Handler<Limit> = ({ memory }, { channel, message }) => {
  const key = `message ${channel} ${message}`
  if (memory.get(key) === undefined) return error(404, 10_008, 'Unknown Message')
  memory.delete(key)
  return { status: 204 }
}

const precise = (ms: number): string => (Math.ceil(ms) / 1000).toFixed(3)

const FAILURES: Readonly<Record<number, readonly [code: number, message: string]>> = {
  403: [50_001, 'Missing Access'],
  500: [0, '500: Internal Server Error'],
  502: [0, '502: Bad Gateway'],
  503: [0, '503: Service Unavailable'],
}

const problems: Problems<Limit> = {
  window: ({ name, waitMs }) => ({
    status: 429,
    headers: {
      'retry-after': seconds(waitMs),
      'x-ratelimit-scope': name === 'global' ? 'global' : 'user',
      ...(name === 'global' && { 'x-ratelimit-global': 'true' }),
    },
    body: { message: 'You are being rate limited.', retry_after: Math.ceil(waitMs) / 1000, global: name === 'global' },
  }),
  route: () => error(404, 0, '404: Not Found'),
  failure({ status, waitMs }) {
    const [code, message] = FAILURES[status] ?? [0, 'The request was refused.']
    const reply = error(status, code, message)
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

const tokenOf = ({ headers }: Pick<Call, 'headers'>): string | undefined =>
  /^(?:Bot|Bearer) (\S+)$/.exec(headers.get('authorization') ?? '')?.[1]

export const discord: Profile<Limit> = {
  name: 'discord',
  limits: {
    route: { kind: 'fixed', limit: 5, windowMs: 5000, per: 'route' },
    global: { kind: 'fixed', limit: 50, windowMs: 1000 },
  },
  routes: {
    'GET /api/:version/users/@me': () => ({ body: BOT }),
    'GET /api/:version/gateway': () => ({ body: { url: 'wss://gateway.discord.gg' } }),
    'GET /api/:version/channels/:channel': inChannel((_, { channel }) => ({
      body: { id: channel, type: 0, name: 'general' },
    })),
    'GET /api/:version/channels/:channel/messages': inChannel(listMessages),
    'POST /api/:version/channels/:channel/messages': inChannel(postMessage),
    'DELETE /api/:version/channels/:channel/messages/:message': inChannel(deleteMessage),
  },
  weigh: () => ({ route: 1, global: 1 }),
  admit: (call) => (keyFault(tokenOf(call)) === undefined ? undefined : error(401, 0, '401: Unauthorized')),
  headers({ windows: { route: window }, nowMs }, { route = '' }) {
    if (window === undefined) return {}
    return {
      'x-ratelimit-limit': String(window.limit),
      'x-ratelimit-remaining': String(window.remaining),
      'x-ratelimit-reset': precise(nowMs + window.resetMs),
      'x-ratelimit-reset-after': precise(window.resetMs),
      'x-ratelimit-bucket': hash(route).toString(16).padStart(8, '0'),
    }
  },
  problems,
}
