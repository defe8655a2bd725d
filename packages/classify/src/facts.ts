/** What a body says, wherever it says it. */
export interface Facts {
  readonly json?: unknown
  readonly message?: string | undefined
  readonly codes: readonly string[]
  readonly words: string
  readonly requestId?: string | undefined
  readonly hint?: boolean | undefined
}

type Json = Readonly<Record<string, unknown>>

/** Where APIs put the text for humans, the usual place first. */
const MESSAGES: readonly string[] = `
  error.message message detail detail.message detail.msg detail.0.msg detail.0.message errors.0.message
  errors.message 0.message error.error_message error.description error.info error.detail error.msg error.text
  error_description errorDescription description errorSummary error_message errorMessage errmsg err_msg errMsg
  msg error_msg status.message status.error_message status.errorMessage result.error.message fault.faultstring
  fault.message response.message Message Error.Message faultstring o:errorDetails.0.detail error.0.message
  error.errors.0.message meta.error_message meta.message data.message data.error title error.title
  errors.0.detail errors.0.description errors.0.title errors.0.reason errors.0 errors error_summary error
  message.0 Message.0 messages.0 reason result.message status.description
`
  .trim()
  .split(/\s+/)

/** Keys, in lower case without `_` and `-`, whose value is an error code. */
const CODE_KEYS =
  /^(?:code|type|status|reason|error|errors|errorcode|errcode|errortype|tag|policyname|quotaid|title|category|kind|subcode|limitsource|ratelimitreason|errorsummary|exception|faultcode|resultcode)$/
/** Keys whose value is written for humans; entries of lists count as well. What a body echoes of the request does not. */
const TEXT_KEYS = /message|msg|detail|title|descr|error|info|reason|summary|fault|text|raw|^\d+$/
const NUMERIC_CODE_KEYS = /^(?:code|errorcode|errcode|subcode|status)$/
const REQUEST_IDS: readonly string[] = ['requestid', 'fbtraceid', 'correlationid', 'traceid', 'errorid']
const HINTS = /^(?:retryable|isretryable|shouldretry)$/

/** The reason phrases say no more than the status. */
export const PHRASES: RegExp =
  /^(?:bad request|unauthorized|payment required|forbidden|not found|conflict|gone|locked|too many requests|internal server error|bad gateway|service unavailable|gateway timeout|unprocessable (?:entity|content)|request timeout|error|user|invalid_request_error|about:blank)\.?$/i

const DEEPEST = 8
const MOST = 3000
/** Longer messages are cut. */
export const LONGEST_MESSAGE = 2000

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null

const at = (json: unknown, path: string): unknown => {
  let value = json
  for (const key of path.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

const sentence = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value.trim().slice(0, LONGEST_MESSAGE) || undefined
  // { base: ['...'] }
  if (!isRecord(value)) return undefined
  const first = Object.values(value)[0]
  const inner: unknown = Array.isArray(first) ? first[0] : first
  return typeof inner === 'string' ? inner.trim().slice(0, LONGEST_MESSAGE) || undefined : undefined
}

const messageOf = (json: unknown): string | undefined => {
  if (typeof json === 'string') return sentence(json)
  for (const path of MESSAGES) {
    const value = at(json, path)
    const text = typeof value === 'string' || path === 'errors' ? sentence(value) : undefined
    if (text !== undefined) return text
  }
  return undefined
}

/** `https://example.com/probs/out-of-credit` names its problem at the end. */
const codeOf = (text: string): string | undefined => {
  const short = /^https?:/.test(text) ? (/[^/#]+(?=\/?$)/.exec(text)?.[0] ?? '') : text
  // "Locked" is the phrase of a 423, "LOCKED" a code.
  const isPhrase = PHRASES.test(short) && short !== short.toUpperCase()
  return /^[\w.:#@/-]{2,150}$/.test(short) && !isPhrase ? short : undefined
}

const number = (key: string, value: number): string | undefined =>
  // 429 as a code is the status once more.
  NUMERIC_CODE_KEYS.test(key) && !(value >= 100 && value < 600) ? String(value) : undefined

/** Walks the whole body, what is at the top first. */
const survey = (
  json: unknown,
): { codes: string[]; texts: string[]; ids: Map<string, string>; hint: boolean | undefined } => {
  const codes: string[] = []
  const texts: string[] = []
  const ids = new Map<string, string>()
  let hint: boolean | undefined
  let seen = 0
  const note = (key: string, value: unknown): void => {
    const plain = key.toLowerCase().replaceAll(/[^a-z]/g, '')
    if (typeof value === 'boolean' && HINTS.test(plain)) hint ??= value
    if (typeof value === 'number') {
      const code = number(plain, value)
      if (code !== undefined) codes.push(code)
    }
    if ((typeof value === 'string' || typeof value === 'number') && REQUEST_IDS.includes(plain) && !ids.has(plain)) {
      if (String(value).length <= 200) ids.set(plain, String(value))
    }
    if (typeof value !== 'string' || value.length > 20_000) return
    if (value.includes(' ') && TEXT_KEYS.test(key.toLowerCase())) texts.push(value.slice(0, LONGEST_MESSAGE))
    if (!CODE_KEYS.test(plain)) return
    const code = codeOf(value)
    if (code !== undefined) codes.push(code)
  }
  let level: unknown[] = [json]
  for (let depth = 0; depth < DEEPEST && level.length > 0 && seen < MOST; depth++) {
    const next: unknown[] = []
    for (const node of level) {
      if (!isRecord(node)) continue
      for (const key of Object.keys(node)) {
        if (++seen > MOST) break
        const value = node[key]
        note(key, value)
        if (isRecord(value)) next.push(value)
      }
    }
    level = next
  }
  return { codes, texts, ids, hint }
}

/** Meta's and Facebook's numbers mean something only in their own envelope. */
const metaCodes = (json: unknown): string[] => {
  const [code, trace, type] = ['error.code', 'error.fbtrace_id', 'error.type'].map((path) => at(json, path))
  return typeof code === 'number' && (trace !== undefined || type === 'OAuthException') ? [`meta:${code}`] : []
}

/** What parsed JSON says. */
export const factsOf = (json: unknown): Facts => {
  const { codes, texts, ids, hint } = survey(json)
  const message = messageOf(json)
  const requestId = REQUEST_IDS.map((key) => ids.get(key)).find((id) => id !== undefined)
  const words = [...new Set([message ?? '', ...texts])].filter((text) => !PHRASES.test(text)).join('\n')
  return { json, message, codes: [...metaCodes(json), ...codes], words, requestId, hint }
}
