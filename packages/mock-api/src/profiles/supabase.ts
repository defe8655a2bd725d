// Supabase: supabase.com, "REST API", "HTTP status codes"; docs.postgrest.org, "Errors", "Tables and views", "Connection
// pool", as in November 2026. Its data API has no limit in requests: what is short is connections.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { bearer, type Fields, isFields, isMissing, keyFault, seconds } from './values.ts'

type Limit = 'concurrency' | 'credits'

const error = (
  status: number,
  code: string,
  message: string,
  details: string | null = null,
  hint: string | null = null,
) => ({ status, body: { code, details, hint, message } }) satisfies Reply

const rowKey = (table: string, id: unknown): string => `row ${table} ${String(id)}`

/** What equals what the address asks for: of its operators, `eq` alone. */
const rowsOf = ({ memory, url }: Call<Limit>, table: string): Fields[] => {
  const rows = [...memory.keys()]
    .filter((key) => key.startsWith(`row ${table} `))
    .map((key) => memory.get(key) as Fields)
  const filters = [...url.searchParams].filter(([, value]) => value.startsWith('eq.'))
  return rows.filter((row) => filters.every(([name, value]) => String(row[name]) === value.slice('eq.'.length)))
}

/** The rows as they were asked for: one alone, or none, or all. */
const give = ({ headers }: Call<Limit>, rows: readonly Fields[], status = 200): Reply => {
  const wantsOne = headers.get('accept')?.includes('vnd.pgrst.object') === true
  const wantsNone = status !== 200 && headers.get('prefer')?.includes('return=representation') !== true
  const range = { 'content-range': rows.length === 0 ? '*/*' : `0-${rows.length - 1}/*` }
  if (wantsNone) return { status, headers: range }
  if (!wantsOne) return { status, headers: range, body: rows }
  const details = `The result contains ${rows.length} rows`
  return rows.length === 1
    ? { status, headers: range, body: rows[0] }
    : error(406, 'PGRST116', 'Cannot coerce the result to a single JSON object', details)
}

const onTable =
  (answer: (call: Call<Limit>, table: string) => Reply): Handler<Limit> =>
  (call, { table = '' }) =>
    isMissing(table)
      ? error(404, 'PGRST205', `Could not find the table 'public.${table}' in the schema cache`)
      : answer(call, table)

const noJson = (): Reply => error(400, 'PGRST102', 'Empty or invalid json')

const insert = (call: Call<Limit>, table: string): Reply => {
  const given = Array.isArray(call.body) ? (call.body as readonly unknown[]) : [call.body]
  if (!given.every(isFields)) return noJson()
  const upserts = call.headers.get('prefer')?.includes('resolution=merge-duplicates') === true
  const count = Number(call.memory.get(`count ${table}`) ?? 0)
  const rows = given.map((row, i): Fields => ({ id: count + i + 1, ...row }))
  const taken = upserts ? undefined : rows.find(({ id }) => call.memory.get(rowKey(table, id)) !== undefined)
  if (taken !== undefined) {
    const details = `Key (id)=(${String(taken['id'])}) already exists.`
    return error(409, '23505', `duplicate key value violates unique constraint "${table}_pkey"`, details)
  }
  call.memory.set(`count ${table}`, count + rows.length)
  for (const row of rows) call.memory.set(rowKey(table, row['id']), row)
  return give(call, rows, 201)
}

const update = (call: Call<Limit>, table: string): Reply => {
  const { body } = call
  if (!isFields(body)) return noJson()
  const rows = rowsOf(call, table).map((row): Fields => ({ ...row, ...body }))
  for (const row of rows) call.memory.set(rowKey(table, row['id']), row)
  return give(call, rows, 204)
}

const remove = (call: Call<Limit>, table: string): Reply => {
  const rows = rowsOf(call, table)
  for (const { id } of rows) call.memory.delete(rowKey(table, id))
  return give(call, rows, 204)
}

/** A change that gives its rows is a 200. */
const changed =
  (answer: (call: Call<Limit>, table: string) => Reply) =>
  (call: Call<Limit>, table: string): Reply => {
    const reply = answer(call, table)
    return reply.status === 204 && reply.body !== undefined ? { ...reply, status: 200 } : reply
  }

const FAILURES: Readonly<Record<number, readonly [code: string, message: string]>> = {
  403: ['42501', 'permission denied for table items'],
  500: ['XX000', 'internal error'],
  503: ['PGRST002', 'Could not query the database for the schema cache. Retrying.'],
  504: ['PGRST003', 'Timed out acquiring connection from connection pool.'],
}

const problems: Problems<Limit> = {
  concurrency: () => error(504, 'PGRST003', 'Timed out acquiring connection from connection pool.'),
  credits: () => ({
    status: 402,
    body: {
      message:
        'Service for this project is restricted due to the following violations: exceed_egress_quota. The project owner must upgrade their plan or remove spend caps to restore service.',
    },
  }),
  route: () => error(404, 'PGRST125', 'Invalid path specified in request URL'),
  failure({ status, waitMs }) {
    const [code, message] = FAILURES[status] ?? ['PGRST000', 'The request was refused.']
    const reply = error(status, code, message)
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

export const supabase: Profile<Limit> = {
  name: 'supabase',
  limits: {
    /** The pool of connections, whose size depends on the plan. */
    concurrency: false,
    /** As many calls as the plan's traffic allows. */
    credits: false,
  },
  routes: {
    'GET /rest/v1/:table': onTable((call, table) => give(call, rowsOf(call, table))),
    'POST /rest/v1/:table': onTable(insert),
    'PATCH /rest/v1/:table': onTable(changed(update)),
    'DELETE /rest/v1/:table': onTable(changed(remove)),
    'POST /rest/v1/rpc/:name': ({ body }, { name = '' }) =>
      isMissing(name)
        ? error(404, 'PGRST202', `Could not find the function public.${name} in the schema cache`)
        : { body: body ?? null },
  },
  weigh: () => ({}),
  admit(call) {
    const fault = keyFault(call.headers.get('apikey') ?? bearer(call))
    if (fault === undefined) return undefined
    const [message, hint] =
      fault === 'absent'
        ? ['No API key found in request', 'No `apikey` request header or url param was found.']
        : ['Invalid API key', 'Double check your Supabase `anon` or `service_role` API key.']
    return { status: 401, body: { message, hint } }
  },
  headers: (_, { id }) => ({ 'sb-request-id': id, 'sb-project-ref': 'mock' }),
  problems,
}
