import type { Outgoing } from './contract.ts'
import { type Asking, REPEATED_BY_CLIENT, REPETITIONS } from './marks.ts'

/** What may have marks. */
export type Marked = Omit<Outgoing, 'request'>

/** Which requests may be sent again although the server may have carried them out: all, those of some methods, or those that a function names. */
export type Repeatable = 'all' | readonly string[] | ((request: Request) => boolean)

/** Methods that are safe to send again whatever became of the first time (RFC 9110 section 9.2.2; QUERY: draft-ietf-httpbis-safe-method-w-body). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'])

/** With one of these the server recognises a repetition (draft-ietf-httpapi-idempotency-key-header; PayPal; Chargebee). */
const KEY_HEADERS = ['idempotency-key', 'x-idempotency-key', 'paypal-request-id', 'chargebee-idempotency-key'] as const

export const hasIdempotencyKey = ({ headers }: Pick<Outgoing, 'headers'>): boolean =>
  KEY_HEADERS.some((name) => headers.has(name))

const askingOf = ({ method, url, headers }: Marked, body: unknown): Asking => ({
  method: method.toUpperCase(),
  url,
  headers,
  text: typeof body === 'string' ? body : undefined,
})

/**
 * Whether a request may be sent again although the server may have carried it out. `body` is what was given to
 * `fetch`; `repeatable` is the user's word on those that are not safe by themselves.
 */
export const isRepeatable = (request: Outgoing, body?: unknown, repeatable?: Repeatable): boolean => {
  const method = request.method.toUpperCase()
  if (IDEMPOTENT.has(method) || hasIdempotencyKey(request) || repeatable === 'all') return true
  if (typeof repeatable === 'function') return repeatable(request.request)
  if (repeatable?.some((one) => one.toUpperCase() === method)) return true
  const asking = askingOf(request, body)
  return REPEATED_BY_CLIENT.some(({ shows }) => shows(asking))
}

/** How a request says that its client library has sent it before, if it does. */
export const repetitionMark = (request: Marked): string | undefined => {
  const asking = askingOf(request, undefined)
  return REPETITIONS.find(({ shows }) => shows(asking))?.name
}
