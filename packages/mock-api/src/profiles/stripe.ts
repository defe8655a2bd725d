// Stripe: docs.stripe.com, "Rate limits", "Error codes", "Idempotent requests", "Advanced error handling", as in November 2026; its client
// library for Node 23.1. The limits are those of live mode.
import { hash } from '../random.ts'
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { bearer, type Fields, fieldsOf, isMissing, keyFault, seconds } from './values.ts'

type Limit = 'requests' | 'endpoint' | 'concurrency'

const error = (status: number, type: string, code: string | undefined, message: string, param?: string): Reply => {
  const url = code && { code, doc_url: `https://docs.stripe.com/error-codes/${code.replaceAll('_', '-')}` }
  return { status, body: { error: { ...(url as Fields), message, ...(param && { param }), type } } }
}

const missing = (kind: string, id: string): Reply =>
  error(404, 'invalid_request_error', 'resource_missing', `No such ${kind}: '${id}'`, 'id')

/** Moments in an answer are the vendor's own: they say nothing to a client. */
const CREATED = 1_796_000_000

/** The fields of a form in brackets, such as `metadata[order]`. */
const inBrackets = (fields: Fields, name: string): Fields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([field, value]) => {
      const key = new RegExp(`^${name}\\[(\\w+)\\]$`).exec(field)?.[1]
      return key === undefined ? [] : [[key, value]]
    }),
  )

const customer = (id: string, fields: Fields): Fields => ({
  id,
  object: 'customer',
  created: CREATED,
  email: fields['email'] ?? null,
  name: fields['name'] ?? null,
  description: fields['description'] ?? null,
  livemode: false,
  metadata: inBrackets(fields, 'metadata'),
})

/** What was stored, else one made up: unless it says itself that it is not there. */
const customerOf = (call: Call<Limit>, id: string): Fields | undefined =>
  isMissing(id) ? undefined : ((call.memory.get(`customer ${id}`) as Fields | undefined) ?? customer(id, {}))

const store = (call: Call<Limit>, kind: string, object: Fields): Reply => {
  call.memory.set(`${kind} ${String(object['id'])}`, object)
  return { body: object }
}

const updateCustomer: Handler<Limit> = (call, { id = '' }) => {
  const before = customerOf(call, id)
  if (before === undefined) return missing('customer', id)
  const { metadata, ...fields } = before
  const after = customer(id, { ...fields, ...fieldsOf(call) })
  return store(call, 'customer', { ...after, metadata: { ...(metadata as Fields), ...(after['metadata'] as Fields) } })
}

const createIntent: Handler<Limit> = (call) => {
  const fields = fieldsOf(call)
  for (const name of ['amount', 'currency']) {
    if (fields[name] === undefined)
      return error(400, 'invalid_request_error', 'parameter_missing', `Missing required param: ${name}.`, name)
  }
  const isConfirmed = fields['confirm'] === 'true'
  // Not a matter of the account's money, but of the customer's.
  if (isConfirmed && fields['payment_method'] === 'pm_card_chargeDeclined') {
    const declined = error(402, 'card_error', 'card_declined', 'Your card was declined.')
    const { error: about } = declined.body as { readonly error: Fields }
    return { status: 402, body: { error: { ...about, decline_code: 'generic_decline' } } }
  }
  return store(call, 'payment_intent', {
    id: `pi_${call.id}`,
    object: 'payment_intent',
    amount: Number(fields['amount']),
    currency: fields['currency'],
    created: CREATED,
    livemode: false,
    metadata: inBrackets(fields, 'metadata'),
    status: isConfirmed ? 'succeeded' : 'requires_payment_method',
  })
}

const keyOf = ({ headers, method }: Call<Limit>): string | null =>
  method === 'POST' ? headers.get('idempotency-key') : null

/** The first answer to a key is given again, but for those to what was not even valid. */
const idempotent =
  (handler: Handler<Limit>): Handler<Limit> =>
  (call, params) => {
    const key = keyOf(call)
    if (key === null) return handler(call, params)
    const print = `${call.url.pathname} ${hash(call.bytes)}`
    const known = call.memory.get(`key ${key}`) as { readonly print: string; readonly reply: Reply } | undefined
    if (known !== undefined && known.print !== print) {
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`
      return error(400, 'idempotency_error', undefined, message)
    }
    if (known !== undefined) return { ...known.reply, headers: { 'idempotent-replayed': 'true' } }
    const reply = handler(call, params)
    if (reply.status !== 400) call.memory.set(`key ${key}`, { print, reply })
    return reply
  }

const tooMany = (reason: string): Reply => ({
  ...error(
    429,
    'invalid_request_error',
    'rate_limit',
    'Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.',
  ),
  headers: { 'stripe-rate-limited-reason': reason },
})

const problems: Problems<Limit> = {
  // No word of a wait.
  window: ({ name }) => tooMany(name === 'endpoint' ? 'endpoint-rate' : 'global-rate'),
  concurrency: () => tooMany('global-concurrency'),
  lock: ({ lock }) =>
    lock.startsWith('key ')
      ? error(
          409,
          'idempotency_error',
          'idempotency_key_in_use',
          `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${lock.slice('key '.length)}. Please try again later.`,
        )
      : {
          ...error(
            429,
            'invalid_request_error',
            'lock_timeout',
            'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request.',
          ),
          headers: { 'stripe-should-retry': 'true' },
        },
  route: (_, { method, url }) =>
    error(
      404,
      'invalid_request_error',
      undefined,
      `Unrecognized request URL (${method}: ${url.pathname}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
    ),
  failure({ status, waitMs }) {
    const reply =
      status < 500
        ? error(status, 'invalid_request_error', undefined, 'The request was refused.')
        : error(
            status,
            'api_error',
            undefined,
            'An error occurred with our connection to our systems. Please try again.',
          )
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

const customersPath = /^\/v1\/customers\/(\w+)$/

export const stripe: Profile<Limit> = {
  name: 'stripe',
  limits: {
    requests: { kind: 'bucket', limit: 100, windowMs: 1000 },
    endpoint: { kind: 'bucket', limit: 25, windowMs: 1000, per: 'route' },
    /** It has a ceiling, but does not say which. */
    concurrency: false,
  },
  routes: {
    'POST /v1/customers': idempotent((call) => store(call, 'customer', customer(`cus_${call.id}`, fieldsOf(call)))),
    'GET /v1/customers': (call) => {
      const stored = [...call.memory.keys()].filter((key) => key.startsWith('customer '))
      const data = stored.map((key) => call.memory.get(key))
      return { body: { object: 'list', data, has_more: false, url: '/v1/customers' } }
    },
    'GET /v1/customers/:id': (call, { id = '' }) => {
      const found = customerOf(call, id)
      return found === undefined ? missing('customer', id) : { body: found }
    },
    'POST /v1/customers/:id': idempotent(updateCustomer),
    'DELETE /v1/customers/:id': (call, { id = '' }) => {
      if (isMissing(id)) return missing('customer', id)
      call.memory.delete(`customer ${id}`)
      return { body: { id, object: 'customer', deleted: true } }
    },
    'POST /v1/payment_intents': idempotent(createIntent),
    'GET /v1/payment_intents/:id': (call, { id = '' }) => {
      const found = call.memory.get(`payment_intent ${id}`)
      return found === undefined ? missing('payment_intent', id) : { body: found }
    },
  },
  weigh: () => ({ requests: 1, endpoint: 1 }),
  locks(call) {
    const key = keyOf(call)
    const object = call.method === 'GET' ? undefined : customersPath.exec(call.url.pathname)?.[1]
    return [...(key === null ? [] : [`key ${key}`]), ...(object === undefined ? [] : [`object ${object}`])]
  },
  admit(call) {
    const fault = keyFault(bearer(call))
    if (fault === undefined) return undefined
    const message =
      fault === 'absent'
        ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        : 'Invalid API Key provided.'
    return error(401, 'invalid_request_error', undefined, message)
  },
  headers(_, call) {
    const key = keyOf(call)
    return {
      'request-id': `req_${call.id.slice(0, 14)}`,
      'stripe-version': call.headers.get('stripe-version') ?? '2026-10-28',
      ...(key !== null && { 'idempotency-key': key }),
    }
  },
  problems,
}
