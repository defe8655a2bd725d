/** Methods that are safe to send again whatever became of the first time (RFC 9110 section 9.2.2; QUERY: draft-ietf-httpbis-safe-method-w-body). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'])

/** With one of these the server recognises a repetition (draft-ietf-httpapi-idempotency-key-header; PayPal; Chargebee). */
const KEY_HEADERS = ['idempotency-key', 'x-idempotency-key', 'paypal-request-id', 'chargebee-idempotency-key'] as const

export const hasIdempotencyKey = ({ headers }: Pick<Request, 'headers'>): boolean =>
  KEY_HEADERS.some((name) => headers.has(name))

/** Whether a request may be sent again although the server may have carried it out. */
export const isRepeatable = (request: Pick<Request, 'method' | 'headers'>): boolean =>
  IDEMPOTENT.has(request.method.toUpperCase()) || hasIdempotencyKey(request)
