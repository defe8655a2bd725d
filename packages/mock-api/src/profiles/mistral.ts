// Mistral: docs.mistral.ai, "Rate limits and usage tiers", "Chat completions", as in November 2026; headers as several clients read them. The
// limits are those of a free workspace: a request a second on average, tokens per minute.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { countTokens, frame, guessTokens, speak } from './language.ts'
import { bearer, type Fields, fieldsOf, isMissing, keyFault, MINUTE, wholeNumber } from './values.ts'

type Limit = 'requests' | 'tokens'

const error = (status: number, type: string, code: string, message: string): Reply => ({
  status,
  body: { object: 'error', message, type, param: null, code },
})

/** Of the framework, not of the API. */
const detail = (status: number, text: string): Reply => ({ status, body: { detail: text } })

const unprocessable = (lacking: readonly string[]): Reply => ({
  status: 422,
  body: {
    detail: lacking.map((name) => ({ type: 'missing', loc: ['body', name], msg: 'Field required', input: null })),
  },
})

const faultOf = (fields: Fields, ...needed: readonly string[]): Reply | undefined => {
  const lacking = needed.filter((name) => fields[name] === undefined)
  if (lacking.length > 0) return unprocessable(lacking)
  const model = String(fields['model'])
  return isMissing(model) ? error(400, 'invalid_model', '1500', `Invalid model: ${model}`) : undefined
}

const promptOf = ({ messages, prompt, suffix, input }: Fields): readonly unknown[] => [
  messages,
  input,
  { text: prompt },
  { text: suffix },
]

/** Moments in an answer are the vendor's own: they say nothing to a client. */
const CREATED = 1_796_000_000

/** The truth takes the place of the estimate, and is told with the answer. */
const settle = (call: Call<Limit>, tokens: number): Readonly<Record<string, string>> => {
  call.take('tokens', tokens - guessTokens(...promptOf(fieldsOf(call))))
  return { 'x-ratelimit-tokens-query-cost': String(tokens) }
}

const complete =
  (asked: string): Handler<Limit> =>
  (call) => {
    const fields = fieldsOf(call)
    const fault = faultOf(fields, 'model', asked)
    if (fault !== undefined) return fault
    const input = countTokens(call.random, ...promptOf(fields))
    const { pieces, text, cut } = speak(call.random, wholeNumber(fields['max_tokens']))
    const usage = { prompt_tokens: input, completion_tokens: pieces.length, total_tokens: input + pieces.length }
    const headers = settle(call, usage.total_tokens)
    const head = { id: call.id, created: CREATED, model: fields['model'] }
    const finish_reason = cut ? 'length' : 'stop'
    if (fields['stream'] !== true) {
      const message = { role: 'assistant', content: text, tool_calls: null, prefix: false }
      return {
        headers,
        body: { ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage },
      }
    }
    const chunk = (content: string, last?: Fields): string => {
      const choice = { index: 0, delta: { role: 'assistant', content }, finish_reason: last ? finish_reason : null }
      return frame({ ...head, object: 'chat.completion.chunk', choices: [choice], ...last })
    }
    return { headers, events: [...pieces.map((piece) => chunk(piece)), chunk('', { usage }), frame('[DONE]')] }
  }

const DIMENSIONS = 1024

const embeddings: Handler<Limit> = (call) => {
  const fields = fieldsOf(call)
  const fault = faultOf(fields, 'model', 'input')
  if (fault !== undefined) return fault
  const inputs = Array.isArray(fields['input']) ? fields['input'] : [fields['input']]
  const tokens = countTokens(call.random, ...promptOf(fields))
  const vector = () => Array.from({ length: DIMENSIONS }, () => call.random() - 0.5)
  return {
    headers: settle(call, tokens),
    body: {
      id: call.id,
      object: 'list',
      model: fields['model'],
      data: inputs.map((_, index) => ({ object: 'embedding', index, embedding: vector() })),
      usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
    },
  }
}

const model = (id: string) => ({
  id,
  object: 'model',
  type: 'base',
  created: CREATED,
  owned_by: 'mistralai',
  capabilities: { completion_chat: true },
})

const FAILURES: Readonly<Record<number, readonly [type: string, code: string, message: string]>> = {
  500: ['internal_server_error', '1000', 'Internal server error'],
  503: ['internal_server_error', '1000', 'Service unavailable.'],
}

const problems: Problems<Limit> = {
  // No word of a wait, nor which of the two.
  window: () => error(429, 'rate_limited', '1300', 'Rate limit exceeded'),
  size: () => error(429, 'rate_limited', '1300', 'Rate limit exceeded'),
  route: () => detail(404, 'Not Found'),
  failure({ status }) {
    if (status === 422) return unprocessable(['model'])
    const [type, code, message] = FAILURES[status] ?? ['invalid_request_error', '1000', 'The request was refused.']
    return error(status, type, code, message)
  },
}

const NAMES = { requests: 'req-minute', tokens: 'tokens-minute' } as const

export const mistral: Profile<Limit> = {
  name: 'mistral',
  limits: {
    requests: { kind: 'fixed', limit: 60, windowMs: MINUTE },
    tokens: { kind: 'fixed', limit: 500_000, windowMs: MINUTE },
  },
  routes: {
    'POST /v1/chat/completions': complete('messages'),
    'POST /v1/fim/completions': complete('prompt'),
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': () => ({ body: { object: 'list', data: ['mistral-large-latest', 'mistral-embed'].map(model) } }),
    'GET /v1/models/:model': (_, { model: id = '' }) =>
      isMissing(id) ? detail(404, `Model ${id} not found`) : { body: model(id) },
  },
  weigh(call) {
    if (call.method !== 'POST') return {}
    return { requests: 1, tokens: guessTokens(...promptOf(fieldsOf(call))) }
  },
  admit: (call) => (keyFault(bearer(call)) === undefined ? undefined : detail(401, 'Unauthorized')),
  headers: ({ windows }, { id }) => ({
    ...(Object.fromEntries(
      Object.values(windows).flatMap(({ name, limit, remaining }) => [
        [`x-ratelimit-limit-${NAMES[name as Limit]}`, String(limit)],
        [`x-ratelimit-remaining-${NAMES[name as Limit]}`, String(remaining)],
      ]),
    ) as Record<string, string>),
    'x-request-id': id,
  }),
  problems,
}
