// OpenAI: platform.openai.com, "Rate limits", "Error codes", "Streaming API responses"; answers in the wild as collected
// in November 2026. The limits are those of gpt-4o on tier 1.
import { goDuration } from '../dialects.ts'
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { randomFrom } from '../random.ts'
import { countTokens, frame, guessTokens, speak, type Speech } from './language.ts'
import { bearer, type Fields, fieldsOf, isMissing, keyFault, MINUTE, seconds, wholeNumber } from './values.ts'

type Limit = 'requests' | 'tokens' | 'credits'

const error = (status: number, type: string, code: string | null, message: string, param: string | null = null) =>
  ({ status, body: { error: { message, type, param, code } } }) satisfies Reply

const invalid = (message: string, code: string | null = null, param: string | null = null): Reply =>
  error(400, 'invalid_request_error', code, message, param)

const noModel = (model: string): Reply =>
  error(
    404,
    'invalid_request_error',
    'model_not_found',
    `The model \`${model}\` does not exist or you do not have access to it.`,
  )

const modelOf = (fields: Fields): string => (typeof fields['model'] === 'string' ? fields['model'] : '')

/** The fault of a request that lacks what it must have, or names a model that is not there. */
const faultOf = (fields: Fields, field: string): Reply | undefined => {
  for (const name of ['model', field]) {
    if (fields[name] === undefined)
      return invalid(`Missing required parameter: '${name}'.`, 'missing_required_parameter', name)
  }
  return isMissing(modelOf(fields)) ? noModel(modelOf(fields)) : undefined
}

const maxOutputOf = (fields: Fields): number | undefined =>
  wholeNumber(fields['max_completion_tokens']) ??
  wholeNumber(fields['max_output_tokens']) ??
  wholeNumber(fields['max_tokens'])

const promptOf = ({ messages, instructions, input }: Fields): readonly unknown[] => [messages, instructions, input]

/** Moments in an answer are the vendor's own: they say nothing to a client. */
const CREATED = 1_796_000_000

const chat: Handler<Limit> = (call) => {
  const fields = fieldsOf(call)
  const fault = faultOf(fields, 'messages')
  if (fault !== undefined) return fault
  const input = countTokens(call.random, ...promptOf(fields))
  const choices = Array.from({ length: wholeNumber(fields['n']) ?? 1 }, () => speak(call.random, maxOutputOf(fields)))
  const output = choices.reduce((sum, { pieces }) => sum + pieces.length, 0)
  const usage = {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
  const head = { id: `chatcmpl-${call.id}`, created: CREATED, model: fields['model'], service_tier: 'default' }
  const finish = ({ cut }: Speech) => (cut ? 'length' : 'stop')
  if (fields['stream'] === true)
    return streamedChat(
      fields,
      head,
      choices.map((speech) => ({ speech, finish: finish(speech) })),
      usage,
    )
  return {
    body: {
      ...head,
      object: 'chat.completion',
      choices: choices.map((speech, index) => ({
        index,
        message: { role: 'assistant', content: speech.text, refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: finish(speech),
      })),
      usage,
    },
  }
}

const streamedChat = (
  fields: Fields,
  head: Fields,
  choices: readonly { readonly speech: Speech; readonly finish: string }[],
  usage: Fields,
): Reply => {
  const wantsUsage = (fields['stream_options'] as Fields | undefined)?.['include_usage'] === true
  const chunk = (index: number, delta: Fields, finish_reason: string | null): string =>
    frame({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index, delta, logprobs: null, finish_reason }],
      ...(wantsUsage && { usage: null }),
    })
  return {
    events: [
      ...choices.flatMap(({ speech, finish }, index) => [
        chunk(index, { role: 'assistant', content: '', refusal: null }, null),
        ...speech.pieces.map((content) => chunk(index, { content }, null)),
        chunk(index, {}, finish),
      ]),
      ...(wantsUsage ? [frame({ ...head, object: 'chat.completion.chunk', choices: [], usage })] : []),
      frame('[DONE]'),
    ],
  }
}

const responses: Handler<Limit> = (call) => {
  const fields = fieldsOf(call)
  const fault = faultOf(fields, 'input')
  if (fault !== undefined) return fault
  const input = countTokens(call.random, ...promptOf(fields))
  const { pieces, text, cut } = speak(call.random, maxOutputOf(fields))
  const item = { id: `msg_${call.id}`, type: 'message', role: 'assistant' }
  const part = { type: 'output_text', text, annotations: [], logprobs: [] }
  const output = { ...item, status: cut ? 'incomplete' : 'completed', content: [part] }
  const head = {
    id: `resp_${call.id}`,
    object: 'response',
    created_at: CREATED,
    error: null,
    incomplete_details: null,
    instructions: fields['instructions'] ?? null,
    metadata: {},
    model: fields['model'],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
  }
  const whole = {
    ...head,
    status: output.status,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output: [output],
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: pieces.length,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + pieces.length,
    },
  }
  if (fields['stream'] !== true) return { body: whole }
  const begun = { ...head, status: 'in_progress', output: [], usage: null }
  const at = { item_id: item.id, output_index: 0, content_index: 0 }
  const events: readonly (readonly [type: string, fields: Fields])[] = [
    ['response.created', { response: begun }],
    ['response.in_progress', { response: begun }],
    ['response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } }],
    ['response.content_part.added', { ...at, part: { ...part, text: '' } }],
    ...pieces.map((delta) => ['response.output_text.delta', { ...at, delta, logprobs: [] }] as const),
    ['response.output_text.done', { ...at, text, logprobs: [] }],
    ['response.content_part.done', { ...at, part }],
    ['response.output_item.done', { output_index: 0, item: output }],
    [cut ? 'response.incomplete' : 'response.completed', { response: whole }],
  ]
  return { events: events.map(([type, more], sequence_number) => frame({ type, sequence_number, ...more }, type)) }
}

const DIMENSIONS = 1536

const embeddings: Handler<Limit> = (call) => {
  const fields = fieldsOf(call)
  const fault = faultOf(fields, 'input')
  if (fault !== undefined) return fault
  const inputs = typeof fields['input'] === 'string' ? [fields['input']] : (fields['input'] as readonly unknown[])
  const tokens = countTokens(call.random, inputs)
  const data = inputs.map((input, index) => {
    const random = randomFrom('embedding', JSON.stringify(input))
    const vector = Float32Array.from({ length: wholeNumber(fields['dimensions']) ?? DIMENSIONS }, () => random() - 0.5)
    return {
      object: 'embedding',
      index,
      embedding: fields['encoding_format'] === 'base64' ? base64(vector) : [...vector],
    }
  })
  return {
    body: { object: 'list', data, model: fields['model'], usage: { prompt_tokens: tokens, total_tokens: tokens } },
  }
}

const base64 = ({ buffer }: Float32Array): string =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))

const model = (id: string) => ({ id, object: 'model', created: CREATED, owned_by: 'openai' })

const MORE = 'Visit https://platform.openai.com/account/rate-limits to learn more.'
const whose = (call: Call<Limit>): string => `for ${modelOf(fieldsOf(call))} in organization org-mock on`
const UNITS = { requests: 'requests per min (RPM)', tokens: 'tokens per min (TPM)', credits: '' } as const

const FAILURES: Readonly<Record<number, string>> = {
  500: 'The server had an error while processing your request. Sorry about that!',
  503: 'The engine is currently overloaded, please try again later.',
}

const problems: Problems<Limit> = {
  window({ name, window, requested, waitMs }, call) {
    const used = window.limit - window.remaining
    const message = `Rate limit reached ${whose(call)} ${UNITS[name]}: Limit ${window.limit}, Used ${used}, Requested ${requested}. Please try again in ${goDuration(waitMs)}. ${MORE}`
    const headers = { 'retry-after': seconds(waitMs), 'retry-after-ms': String(Math.ceil(waitMs)) }
    return { ...error(429, name, 'rate_limit_exceeded', message), headers }
  },
  size({ name, window, requested }, call) {
    const message = `Request too large ${whose(call)} ${UNITS[name]}: Limit ${window.limit}, Requested ${requested}. The input or output tokens must be reduced in order to run successfully. ${MORE}`
    return error(429, name, 'rate_limit_exceeded', message)
  },
  credits: () =>
    error(
      429,
      'insufficient_quota',
      'insufficient_quota',
      'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
    ),
  route: (_, { method, url }) => error(404, 'invalid_request_error', null, `Invalid URL (${method} ${url.pathname})`),
  failure({ status, waitMs }) {
    const reply =
      status < 500
        ? error(status, 'invalid_request_error', null, 'The request was refused.')
        : error(status, 'server_error', null, FAILURES[status] ?? 'The server had an error.')
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

export const openai: Profile<Limit> = {
  name: 'openai',
  limits: {
    requests: { kind: 'bucket', limit: 500, windowMs: MINUTE },
    tokens: { kind: 'bucket', limit: 30_000, windowMs: MINUTE },
    /** As many calls as are paid for. */
    credits: false,
  },
  routes: {
    'POST /v1/chat/completions': chat,
    'POST /v1/responses': responses,
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': () => ({ body: { object: 'list', data: ['gpt-4o', 'text-embedding-3-small'].map(model) } }),
    'GET /v1/models/:model': (_, { model: id = '' }) => (isMissing(id) ? noModel(id) : { body: model(id) }),
  },
  weigh(call) {
    if (call.method !== 'POST') return {}
    const fields = fieldsOf(call)
    // The larger of the two, and nothing is given back.
    return { requests: 1, tokens: Math.max(guessTokens(...promptOf(fields)), maxOutputOf(fields) ?? 0) }
  },
  admit(call) {
    const fault = keyFault(bearer(call))
    if (fault === undefined) return undefined
    return fault === 'absent'
      ? error(
          401,
          'invalid_request_error',
          null,
          "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
      : error(
          401,
          'invalid_request_error',
          'invalid_api_key',
          'Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.',
        )
  },
  headers({ windows }, { id }) {
    const each = Object.values(windows).flatMap(({ name, limit, remaining, fullMs }) => [
      [`x-ratelimit-limit-${name}`, String(limit)],
      [`x-ratelimit-remaining-${name}`, String(remaining)],
      [`x-ratelimit-reset-${name}`, goDuration(fullMs)],
    ])
    return {
      ...(Object.fromEntries(each) as Record<string, string>),
      'openai-organization': 'org-mock',
      'openai-version': '2020-10-01',
      'x-request-id': `req_${id}`,
    }
  },
  problems,
}
