// Anthropic: platform.claude.com, "Rate limits", "Errors", "Streaming Messages", as quoted in November 2026. The limits are
// those of a Claude Sonnet on tier 1.
import type { Call, Handler, Problems, Profile, Reply, Standing } from '../profile.ts'
import { countTokens, frame, guessTokens, speak } from './language.ts'
import { bearer, type Fields, fieldsOf, isMissing, keyFault, MINUTE, seconds, wholeNumber } from './values.ts'

type Limit = 'requests' | 'input-tokens' | 'output-tokens' | 'concurrency' | 'credits'

const error = ({ id }: Call<Limit>, status: number, type: string, message: string): Reply => ({
  status,
  body: { type: 'error', error: { type, message }, request_id: `req_${id}` },
})

const invalid = (call: Call<Limit>, message: string): Reply => error(call, 400, 'invalid_request_error', message)

const noModel = (call: Call<Limit>, model: string): Reply => error(call, 404, 'not_found_error', `model: ${model}`)

const modelOf = ({ model }: Fields): string => (typeof model === 'string' ? model : '')

const promptOf = ({ system, messages }: Fields): readonly unknown[] => [system, messages]

const faultOf = (call: Call<Limit>, ...needed: readonly string[]): Reply | undefined => {
  const fields = fieldsOf(call)
  const lacking = needed.find((name) => fields[name] === undefined)
  if (lacking !== undefined) return invalid(call, `${lacking}: Field required`)
  return isMissing(modelOf(fields)) ? noModel(call, modelOf(fields)) : undefined
}

const messages: Handler<Limit> = (call) => {
  const fault = faultOf(call, 'model', 'max_tokens', 'messages')
  if (fault !== undefined) return fault
  const fields = fieldsOf(call)
  const input = countTokens(call.random, ...promptOf(fields))
  const { pieces, text, cut } = speak(call.random, wholeNumber(fields['max_tokens']))
  // The estimate of the input gives way to the truth; output counts as it is made.
  call.take('input-tokens', input - guessTokens(...promptOf(fields)))
  call.take('output-tokens', pieces.length - 1)
  const usage = (output_tokens: number) => ({
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens,
    service_tier: 'standard',
  })
  const head = { id: `msg_${call.id}`, type: 'message', role: 'assistant', model: fields['model'] }
  const end = { stop_reason: cut ? 'max_tokens' : 'end_turn', stop_sequence: null }
  if (fields['stream'] !== true) {
    return { body: { ...head, content: [{ type: 'text', text }], ...end, usage: usage(pieces.length) } }
  }
  const begun = { ...head, content: [], stop_reason: null, stop_sequence: null, usage: usage(1) }
  const events: readonly (readonly [type: string, fields: Fields])[] = [
    ['message_start', { message: begun }],
    ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
    ['ping', {}],
    ...pieces.map(
      (piece) => ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: piece } }] as const,
    ),
    ['content_block_stop', { index: 0 }],
    ['message_delta', { delta: end, usage: { output_tokens: pieces.length } }],
    ['message_stop', {}],
  ]
  return { events: events.map(([type, more]) => frame({ type, ...more }, type)) }
}

const model = (id: string) => ({ id, type: 'model', display_name: id, created_at: '2026-01-01T00:00:00Z' })

const UNITS = { requests: 'requests', 'input-tokens': 'input tokens', 'output-tokens': 'output tokens' } as const

const exceeded = (call: Call<Limit>, name: Limit, limit: number): Reply => {
  const unit = UNITS[name as keyof typeof UNITS]
  const message = `This request would exceed your organization's rate limit of ${limit.toLocaleString('en')} ${unit} per minute. For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage.`
  return error(call, 429, 'rate_limit_error', message)
}

const NO_CREDIT =
  'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.'

const FAILURES: Readonly<Record<number, readonly [type: string, message: string]>> = {
  402: ['billing_error', 'The organization has reached a spend limit or lacks credit.'],
  403: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  413: ['request_too_large', 'Request exceeds the maximum size.'],
  500: ['api_error', 'Internal server error'],
  504: ['timeout_error', 'The request timed out.'],
  529: ['overloaded_error', 'Overloaded'],
}

const problems: Problems<Limit> = {
  window: ({ name, window, waitMs }, call) => ({
    ...exceeded(call, name, window.limit),
    headers: { 'retry-after': seconds(waitMs) },
  }),
  size: ({ name, window }, call) => exceeded(call, name, window.limit),
  concurrency: (_, call) =>
    error(
      call,
      429,
      'rate_limit_error',
      'Number of concurrent connections has exceeded your rate limit. Please try again later or contact sales at https://www.anthropic.com/contact-sales to discuss your options for a rate limit increase.',
    ),
  // Not the 402 of its documentation, which is for organizations that are linked.
  credits: (_, call) => invalid(call, NO_CREDIT),
  route: (_, call) => error(call, 404, 'not_found_error', 'Not Found'),
  failure({ status: asked, waitMs }, call) {
    // It has no 503.
    const status = asked === 503 ? 529 : asked
    const [type, message] = FAILURES[status] ?? ['api_error', 'The request was refused.']
    const reply = error(call, status, type, message)
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

const ROUNDED_TO = 1000

const windowHeaders = ({ windows, nowMs }: Standing<Limit>): Record<string, string> =>
  Object.fromEntries(
    Object.values(windows).flatMap(({ name, limit, remaining, fullMs }) => {
      const fullAt = new Date(Math.ceil((nowMs + fullMs) / 1000) * 1000)
      const told = name === 'requests' ? remaining : Math.round(remaining / ROUNDED_TO) * ROUNDED_TO
      return [
        [`anthropic-ratelimit-${name}-limit`, String(limit)],
        [`anthropic-ratelimit-${name}-remaining`, String(told)],
        [`anthropic-ratelimit-${name}-reset`, fullAt.toISOString().replace('.000', '')],
      ]
    }),
  ) as Record<string, string>

export const anthropic: Profile<Limit> = {
  name: 'anthropic',
  limits: {
    requests: { kind: 'bucket', limit: 50, windowMs: MINUTE },
    'input-tokens': { kind: 'bucket', limit: 30_000, windowMs: MINUTE },
    'output-tokens': { kind: 'bucket', limit: 8000, windowMs: MINUTE },
    /** It has a ceiling, but does not say which. */
    concurrency: false,
    /** As many calls as are paid for. */
    credits: false,
  },
  routes: {
    'POST /v1/messages': messages,
    'POST /v1/messages/count_tokens': (call) =>
      faultOf(call, 'model', 'messages') ?? {
        body: { input_tokens: countTokens(call.random, ...promptOf(fieldsOf(call))) },
      },
    'GET /v1/models': () => {
      const data = ['claude-opus-5', 'claude-sonnet-5'].map(model)
      return { body: { data, has_more: false, first_id: data[0]?.id, last_id: data.at(-1)?.id } }
    },
    'GET /v1/models/:model': (call, { model: id = '' }) => (isMissing(id) ? noModel(call, id) : { body: model(id) }),
  },
  weigh(call) {
    if (call.route !== 'POST /v1/messages') return {}
    // `max_tokens` plays no part: there has to be room for output at all.
    return { requests: 1, 'input-tokens': guessTokens(...promptOf(fieldsOf(call))), 'output-tokens': 1 }
  },
  admit(call) {
    const fault = keyFault(call.headers.get('x-api-key') ?? bearer(call))
    if (fault !== undefined) {
      return error(
        call,
        401,
        'authentication_error',
        fault === 'absent' ? 'x-api-key header is required' : 'invalid x-api-key',
      )
    }
    if (call.headers.get('anthropic-version') === null) return invalid(call, 'anthropic-version: header is required')
    return undefined
  },
  headers: (standing, { id }) => ({
    ...windowHeaders(standing),
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
    'request-id': `req_${id}`,
  }),
  problems,
}
