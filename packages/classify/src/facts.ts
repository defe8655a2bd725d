import { isRecord, type Json, parseJson, walk } from '@aplomb/limits'
import { envelopes } from '@aplomb/limits/vendors'

/** What a body says, wherever it says it. */
export interface Facts {
  readonly json?: unknown
  readonly message?: string | undefined
  readonly codes: readonly string[]
  readonly words: string
  readonly requestId?: string | undefined
  readonly hint?: boolean | undefined
}

/** Where APIs put the text for humans, the usual place first. Keys are compared without `_`, `-` and case. */
const MESSAGES: readonly string[] = `
  error.message message detail detail.message detail.msg detail.0.msg detail.0.message errors.0.message
  errors.message 0.message error.errormessage error.description error.info error.detail error.msg error.text
  errordescription description errorsummary errormessage errmsg msg errormsg status.message status.errormessage
  result.error.message fault.faultstring fault.message fault.error.0.message response.message
  response.errors.0.message response.error.message faultstring o:errordetails.0.detail error.0.message
  error.errors.0.message messages.message.0.text messages.0.errors.0.errormessage messages.0.message
  errors.0.errormessage meta.errormessage meta.message data.message data.0.message data.error title error.title
  errors.0.detail errors.0.description errors.0.title errors.0.reason errors.0 errormessages.0 errors errorsummary
  error error.0 err err.message cause message.0 messages.0 reason result.message status.description retmsg
  nonfielderrors.0 note information info statusmessage errortext meta.error exception
`
  .trim()
  .split(/\s+/)

/** Keys, in lower case without `_` and `-`, whose value is an error code. */
const CODE_KEYS =
  /^(?:code|name|type|status|reason|error|errors|errorcode|errcode|errortype|tag|policyname|quotaid|quotalimit|title|category|kind|subcode|limitsource|ratelimitreason|errorsummary|exception|faultcode|resultcode)$/
/** Keys whose value is written for humans; entries of lists count as well. What a body echoes of the request does not. */
const TEXT_KEYS = /message|msg|detail|title|descr|error|info|reason|summary|fault|text|raw|^result$|^\d+$/
const NUMERIC_CODE_KEYS = /^(?:code|errorcode|errcode|subcode|status|retcode)$/
const REQUEST_IDS: readonly string[] = ['requestid', 'fbtraceid', 'correlationid', 'traceid', 'errorid']
const HINTS = /^(?:is)?(?:retr[iy]able|transient)$|^(?:should|can)retry$/

/** The reason phrases say no more than the status. */
export const PHRASES: RegExp =
  /^(?:bad request|unauthorized|payment required|forbidden|not found|conflict|gone|locked|too many requests|internal server error|bad gateway|service unavailable|gateway timeout|unprocessable (?:entity|content)|request timeout|error|user|invalid_request_error|about:blank)\.?$/i

const DEEPEST = 8
const MOST = 3000
/** Longer messages are cut: once they are masked, for a part of a secret is not recognised as one. */
export const LONGEST_MESSAGE = 2000
export const LONGEST_TEXT = 8192

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&', apos: "'", nbsp: ' ' }

/** With the entities of HTML and XML read. */
export const unescape = (text: string): string =>
  text.replaceAll(/&(?:#(x?[\da-f]{1,5})|(\w{2,4}));/gi, (entity, code: string | undefined, name = '') =>
    code === undefined ? (ENTITIES[name] ?? entity) : String.fromCharCode(Number(code.replace(/^x/i, '0x'))),
  )

/** A key without `_`, `-` and case. */
const plain = (key: string): string => key.slice(0, 50).toLowerCase().replaceAll(/[_-]/g, '')

const at = (json: unknown, path: string): unknown => {
  let value = json
  for (const key of path.split('.')) {
    if (!isRecord(value)) return undefined
    const record: Json = value
    const own = Object.hasOwn(record, key) ? key : Object.keys(record).find((one) => plain(one) === key)
    if (own === undefined) return undefined
    value = record[own]
  }
  return value
}

const sentence = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value.trim().slice(0, LONGEST_TEXT) || undefined
  // { base: ['...'] }
  if (!isRecord(value)) return undefined
  const first = Object.values(value)[0]
  const inner: unknown = Array.isArray(first) ? first[0] : first
  return typeof inner === 'string' ? inner.trim().slice(0, LONGEST_TEXT) || undefined : undefined
}

/** `{ base: ['...'] }` may stand here. */
const WITH_FIELDS: ReadonlySet<string> = new Set(['errors', 'message', 'error'])

const LONGEST_INNER = 20_000

/** What Python prints of a dictionary, as JSON. */
const fromPython = (text: string): string =>
  text
    .replaceAll(/\b(?:None|True|False)\b/g, (word) => (word === 'None' ? 'null' : word.toLowerCase()))
    .replaceAll("'", '"')

/** The JSON that a gateway has put into a string, and what stands before it. */
const jsonIn = (text: string): { readonly before: string; readonly json: unknown } | undefined => {
  const start = text.search(/[[{]\s*["'{]/)
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1
  if (start < 0 || end <= start || text.length > LONGEST_INNER) return undefined
  const inner = text.slice(start, end)
  const json = parseJson(inner) ?? parseJson(fromPython(inner))
  // Else it is a sentence with braces.
  return json === undefined ? undefined : { before: text.slice(0, start).trim(), json }
}

/** With strings that are JSON read. */
const unpacked = (value: unknown, depth = 0): unknown => {
  if (depth > DEEPEST) return value
  if (typeof value === 'string') {
    const inner = jsonIn(value)
    if (!inner) return value
    const json = unpacked(inner.json, depth + 1)
    return inner.before === '' ? json : [inner.before, json]
  }
  if (!isRecord(value)) return value
  if (Array.isArray(value)) return value.slice(0, MOST).map((one) => unpacked(one, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unpacked(one, depth + 1)]))
}

const messageOf = (json: unknown): string | undefined => {
  if (typeof json === 'string') return messageOf(jsonIn(json)?.json) ?? sentence(json)
  // Bitfinex: ["error", 10020, "symbol: invalid"]
  if (Array.isArray(json) && json[0] === 'error') return sentence(json.findLast((one) => typeof one === 'string'))
  for (const path of MESSAGES) {
    const value = at(json, path)
    const inner = typeof value === 'string' ? jsonIn(value) : undefined
    const told = inner === undefined || inner.before !== '' ? undefined : messageOf(inner.json)
    const text = told ?? (typeof value === 'string' || WITH_FIELDS.has(path) ? sentence(value) : undefined)
    if (text !== undefined) return text
  }
  // Django REST: { email: ['This field is required.'] }
  const fields = isRecord(json) && !Array.isArray(json) ? Object.values(json) : []
  return fields.length > 0 && fields.every(Array.isArray) ? sentence(json) : undefined
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
  const note = (key: string, value: unknown): void => {
    const letters = key.toLowerCase().replaceAll(/[^a-z]/g, '')
    if (typeof value === 'boolean' && HINTS.test(letters)) hint ??= value
    if (typeof value === 'number') {
      const code = number(letters, value)
      if (code !== undefined) codes.push(code)
    }
    if (
      (typeof value === 'string' || typeof value === 'number') &&
      REQUEST_IDS.includes(letters) &&
      !ids.has(letters)
    ) {
      if (String(value).length <= 200) ids.set(letters, String(value))
    }
    if (typeof value !== 'string' || value.length > 20_000) return
    if (value.includes(' ') && TEXT_KEYS.test(key.toLowerCase())) texts.push(value.slice(0, LONGEST_MESSAGE))
    if (!CODE_KEYS.test(letters)) return
    const code = codeOf(value)
    if (code !== undefined) codes.push(code)
  }
  walk(json, note)
  return { codes, texts, ids, hint }
}

/** Codes that are numbers of their own envelope. */
const codesIn = (json: unknown): string[] =>
  envelopes.flatMap(({ code, as, where }) => {
    const given = at(json, code)
    const isIts = Object.entries(where).some(([path, is]) => {
      const value = at(json, path)
      return value !== undefined && is.test(JSON.stringify(value))
    })
    return typeof given === 'number' && isIts ? [`${as}:${given}`] : []
  })

/** What parsed JSON says. */
export const factsOf = (given: unknown): Facts => {
  const json = unpacked(given)
  const { codes, texts, ids, hint } = survey(json)
  const message = messageOf(given)
  const requestId = REQUEST_IDS.map((key) => ids.get(key)).find((id) => id !== undefined)
  const words = [...new Set([message ?? '', ...texts])].filter((text) => !PHRASES.test(text)).join('\n')
  return { json, message, codes: [...codesIn(json), ...codes], words: unescape(words), requestId, hint }
}
