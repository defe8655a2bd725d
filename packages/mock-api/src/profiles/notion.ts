// Notion: developers.notion.com, "Request limits", "Status codes", as in November 2026; its client library for Node 5.26.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { bearer, type Fields, fieldsOf, isFields, isMissing, keyFault, MINUTE, seconds } from './values.ts'

type Limit = 'requests'

/** As its ids are written. */
const uuid = (id: string): string =>
  `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(12, 15)}-8${id.slice(15, 18)}-${id.slice(18, 24)}${id.slice(0, 6)}`

const error = (call: Call<Limit>, status: number, code: string, message: string): Reply => ({
  status,
  body: { object: 'error', status, code, message, request_id: uuid(call.id) },
})

const notFound = (call: Call<Limit>, kind: string, id: string): Reply =>
  error(
    call,
    404,
    'object_not_found',
    `Could not find ${kind} with ID: ${id}. Make sure the relevant pages and databases are shared with your integration.`,
  )

const BOT = { object: 'user', id: uuid('b'.repeat(24)), type: 'bot', name: 'Mock', avatar_url: null, bot: {} }

const page = (id: string, properties: Fields): Fields => ({
  object: 'page',
  id,
  created_time: '2026-01-01T00:00:00.000Z',
  last_edited_time: '2026-01-01T00:00:00.000Z',
  archived: false,
  in_trash: false,
  parent: { type: 'workspace', workspace: true },
  properties,
  url: `https://www.notion.so/${id.replaceAll('-', '')}`,
})

/** What was stored, else one made up: unless it says itself that it is not there. */
const pageOf = (call: Call<Limit>, id: string): Fields | undefined =>
  isMissing(id) ? undefined : ((call.memory.get(`page ${id}`) as Fields | undefined) ?? page(id, {}))

const store = (call: Call<Limit>, one: Fields): Reply => {
  call.memory.set(`page ${String(one['id'])}`, one)
  return { body: one }
}

const stored = ({ memory }: Call<Limit>): unknown[] =>
  [...memory.keys()].filter((key) => key.startsWith('page ')).map((key) => memory.get(key))

const list = (results: readonly unknown[]): Reply => ({
  body: { object: 'list', results, next_cursor: null, has_more: false, type: 'page_or_database', page_or_database: {} },
})

const createPage: Handler<Limit> = (call) => {
  const { parent, properties } = fieldsOf(call)
  const lacking = !isFields(parent) ? 'parent' : !isFields(properties) ? 'properties' : undefined
  if (lacking !== undefined) {
    const message = `body failed validation: body.${lacking} should be defined, instead was \`undefined\`.`
    return error(call, 400, 'validation_error', message)
  }
  return store(call, { ...page(uuid(call.id), properties as Fields), parent })
}

const updatePage: Handler<Limit> = (call, { id = '' }) => {
  const before = pageOf(call, id)
  const { properties } = fieldsOf(call)
  if (before === undefined) return notFound(call, 'page', id)
  return store(call, {
    ...before,
    properties: { ...(before['properties'] as Fields), ...(isFields(properties) && properties) },
  })
}

const query =
  (kind: string): Handler<Limit> =>
  (call, { id = '' }) =>
    isMissing(id) ? notFound(call, kind, id) : list(stored(call))

const FAILURES: Readonly<Record<number, readonly [code: string, message: string]>> = {
  403: ['restricted_resource', 'API token does not have access to this resource.'],
  500: ['internal_server_error', 'Unexpected error occurred.'],
  503: ['service_unavailable', 'Public API service is temporarily unavailable, please try again later.'],
  504: ['gateway_timeout', 'Notion timed out while attempting to complete this request.'],
  529: ['service_overload', 'Notion is overloaded. Try again later.'],
}

const problems: Problems<Limit> = {
  window: ({ waitMs }, call) => ({
    ...error(call, 429, 'rate_limited', 'You have been rate limited. Please try again in a few minutes.'),
    headers: { 'retry-after': seconds(waitMs) },
  }),
  lock: (_, call) => error(call, 409, 'conflict_error', 'Conflict occurred while saving. Please try again.'),
  route: (_, call) => error(call, 400, 'invalid_request_url', 'Invalid request URL.'),
  failure({ status, waitMs }, call) {
    const [code, message] = FAILURES[status] ?? ['invalid_request', 'The request was refused.']
    const reply = error(call, status, code, message)
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

export const notion: Profile<Limit> = {
  name: 'notion',
  limits: {
    /** Of a connection, spent at any pace: three a second on average. */
    requests: { kind: 'fixed', limit: 180, windowMs: MINUTE },
  },
  routes: {
    'GET /v1/users/me': () => ({ body: BOT }),
    'GET /v1/users': () => list([BOT]),
    'POST /v1/pages': createPage,
    'GET /v1/pages/:id': (call, { id = '' }) => {
      const found = pageOf(call, id)
      return found === undefined ? notFound(call, 'page', id) : { body: found }
    },
    'PATCH /v1/pages/:id': updatePage,
    'GET /v1/blocks/:id/children': (call, { id = '' }) => (isMissing(id) ? notFound(call, 'block', id) : list([])),
    'POST /v1/databases/:id/query': query('database'),
    'POST /v1/data_sources/:id/query': query('data_source'),
    'POST /v1/search': (call) => list(stored(call)),
  },
  weigh: () => ({ requests: 1 }),
  locks: ({ method, url }) => (method === 'PATCH' ? [url.pathname] : []),
  admit(call) {
    if (keyFault(bearer(call)) !== undefined) return error(call, 401, 'unauthorized', 'API token is invalid.')
    if (call.headers.get('notion-version') !== null) return undefined
    const message =
      'Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`.'
    return error(call, 400, 'missing_version', message)
  },
  headers: (_, { id }) => ({ 'x-notion-request-id': uuid(id) }),
  problems,
}
