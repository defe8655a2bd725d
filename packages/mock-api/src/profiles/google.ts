// Gemini: ai.google.dev, "Rate limits", "Troubleshooting guide", "Generating content"; answers in the wild as collected in
// November 2026. The limits are those of a Flash model on the free tier: they differ by model, and change.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { countTokens, frame, guessTokens, speak } from './language.ts'
import { DAY, type Fields, fieldsOf, isMissing, keyFault, MINUTE, wholeNumber } from './values.ts'

type Limit = 'requests' | 'tokens' | 'requests-per-day' | 'credits'

const TYPE = 'type.googleapis.com/google.rpc.'

const error = (code: number, status: string, message: string, details?: readonly Fields[]): Reply => ({
  status: code,
  body: { error: { code, message, status, ...(details && { details }) } },
})

const invalid = (message: string, details?: readonly Fields[]): Reply =>
  error(400, 'INVALID_ARGUMENT', message, details)

const noModel = (model: string, verb: string): Reply =>
  error(
    404,
    'NOT_FOUND',
    `models/${model} is not found for API version v1beta, or is not supported for ${verb}. Call ListModels to see the list of available models and their supported methods.`,
  )

/** `models/gemini-3-flash:generateContent` is the model and what is asked of it. */
const targetOf = ({ url }: Pick<Call, 'url'>): readonly [model: string, verb: string] => {
  const [model = '', verb = ''] = decodeURIComponent(url.pathname.split('/').at(-1) ?? '').split(':')
  return [model, verb]
}

const promptOf = ({ contents, systemInstruction, content, generateContentRequest }: Fields): readonly unknown[] => [
  contents,
  systemInstruction,
  content,
  ...(generateContentRequest === undefined ? [] : promptOf(generateContentRequest as Fields)),
]

const generate = (call: Call<Limit>, model: string, streams: boolean): Reply => {
  const fields = fieldsOf(call)
  if (fields['contents'] === undefined) return invalid('* GenerateContentRequest.contents: contents is not specified\n')
  const input = countTokens(call.random, ...promptOf(fields))
  call.take('tokens', input - guessTokens(...promptOf(fields)))
  const { generationConfig = {} } = fields as { readonly generationConfig?: Fields }
  const { pieces, text, cut } = speak(call.random, wholeNumber(generationConfig['maxOutputTokens']))
  const chunk = (said: string, output: number, isLast: boolean) => ({
    candidates: [
      {
        content: { parts: [{ text: said }], role: 'model' },
        ...(isLast && { finishReason: cut ? 'MAX_TOKENS' : 'STOP' }),
        index: 0,
      },
    ],
    usageMetadata: {
      promptTokenCount: input,
      candidatesTokenCount: output,
      totalTokenCount: input + output,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: input }],
    },
    modelVersion: model,
    responseId: call.id,
  })
  if (!streams) return { body: chunk(text, pieces.length, true) }
  const chunks = pieces.map((piece, i) => chunk(piece, i + 1, i === pieces.length - 1))
  return call.url.searchParams.get('alt') === 'sse' ? { events: chunks.map((one) => frame(one)) } : { body: chunks }
}

const DIMENSIONS = 768

const verbs: Readonly<Record<string, (call: Call<Limit>, model: string) => Reply>> = {
  generateContent: (call, model) => generate(call, model, false),
  streamGenerateContent: (call, model) => generate(call, model, true),
  countTokens: (call) => ({ body: { totalTokens: countTokens(call.random, ...promptOf(fieldsOf(call))) } }),
  batchEmbedContents(call) {
    const { requests } = fieldsOf(call)
    if (!Array.isArray(requests)) return invalid('* BatchEmbedContentsRequest.requests: requests is not specified\n')
    const values = () => Array.from({ length: DIMENSIONS }, () => call.random() - 0.5)
    return { body: { embeddings: requests.map(() => ({ values: values() })) } }
  },
}

const ask: Handler<Limit> = (call) => {
  const [model, verb] = targetOf(call)
  const answer = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  return answer === undefined || isMissing(model) ? noModel(model, verb) : answer(call, model)
}

const model = (id: string) => ({ name: `models/${id}`, version: '1', displayName: id, inputTokenLimit: 1_048_576 })

const QUOTAS = {
  requests: ['generate_content_free_tier_requests', 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier'],
  tokens: ['generate_content_free_tier_input_token_count', 'GenerateContentInputTokensPerModelPerMinute-FreeTier'],
  'requests-per-day': ['generate_content_free_tier_requests', 'GenerateRequestsPerDayPerProjectPerModel-FreeTier'],
} as const

const exhausted = (call: Call<Limit>, name: Limit, limit: number, waitMs?: number): Reply => {
  const [metric, quotaId] = QUOTAS[name as keyof typeof QUOTAS]
  const quotaMetric = `generativelanguage.googleapis.com/${metric}`
  const quotaDimensions = { location: 'global', model: targetOf(call)[0] }
  const retry = waitMs === undefined ? '' : `\nPlease retry in ${waitMs / 1000}s.`
  return error(
    429,
    'RESOURCE_EXHAUSTED',
    `You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n* Quota exceeded for metric: ${quotaMetric}, limit: ${limit}${retry}`,
    [
      {
        '@type': `${TYPE}QuotaFailure`,
        violations: [{ quotaMetric, quotaId, quotaDimensions, quotaValue: String(limit) }],
      },
      {
        '@type': `${TYPE}Help`,
        links: [
          {
            description: 'Learn more about Gemini API quotas',
            url: 'https://ai.google.dev/gemini-api/docs/rate-limits',
          },
        ],
      },
      ...(waitMs === undefined ? [] : [{ '@type': `${TYPE}RetryInfo`, retryDelay: `${waitMs / 1000}s` }]),
    ],
  )
}

const FAILURES: Readonly<Record<number, readonly [status: string, message: string]>> = {
  403: ['PERMISSION_DENIED', 'The caller does not have permission'],
  500: ['INTERNAL', 'An internal error has occurred. Please retry.'],
  503: ['UNAVAILABLE', 'The model is overloaded. Please try again later.'],
  504: ['DEADLINE_EXCEEDED', 'The request timed out. Please try again.'],
}

const problems: Problems<Limit> = {
  window: ({ name, window, waitMs }, call) => exhausted(call, name, window.limit, Math.ceil(waitMs)),
  size: ({ name, window }, call) => exhausted(call, name, window.limit),
  credits: () =>
    error(
      429,
      'RESOURCE_EXHAUSTED',
      'Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your project and billing.',
    ),
  route: () => ({ status: 404, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: NOT_FOUND }),
  failure({ status }) {
    const [name, message] = FAILURES[status] ?? ['UNKNOWN', 'The request was refused.']
    return error(status, name, message)
  },
}

const NOT_FOUND =
  '<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> <ins>That’s an error.</ins>\n'

export const google: Profile<Limit> = {
  name: 'google',
  limits: {
    requests: { kind: 'fixed', limit: 10, windowMs: MINUTE },
    tokens: { kind: 'fixed', limit: 250_000, windowMs: MINUTE },
    'requests-per-day': { kind: 'fixed', limit: 250, windowMs: DAY },
    /** As many calls as are paid for. */
    credits: false,
  },
  routes: {
    'POST /:version/models/:call': ask,
    'GET /:version/models': () => ({ body: { models: ['gemini-3-pro', 'gemini-3-flash'].map(model) } }),
    'GET /:version/models/:model': (_, { model: id = '' }) =>
      isMissing(id) ? noModel(id, 'generateContent') : { body: model(id) },
  },
  weigh(call) {
    if (!targetOf(call)[1].endsWith('enerateContent')) return {}
    return { requests: 1, tokens: guessTokens(...promptOf(fieldsOf(call))), 'requests-per-day': 1 }
  },
  admit({ headers, url }) {
    const fault = keyFault(headers.get('x-goog-api-key') ?? url.searchParams.get('key'))
    if (fault === 'absent') {
      const message =
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."
      return error(403, 'PERMISSION_DENIED', message)
    }
    if (fault === undefined) return undefined
    const domain = { reason: 'API_KEY_INVALID', domain: 'googleapis.com' }
    return invalid('API key not valid. Please pass a valid API key.', [{ '@type': `${TYPE}ErrorInfo`, ...domain }])
  },
  problems,
}
