import { type ClassifyOptions, classifyOptions, classifyResponse, type Verdict } from '@aplomb/classify'
import { adviceFor } from '@aplomb/log'
import {
  endpointOf,
  hasIdempotencyKey,
  isRepeatable,
  type KindsOf,
  type Limits,
  list,
  milliseconds,
  readOptions,
  shape,
  string,
} from '@aplomb/pipeline'
import { originOf, type Redactor } from '@aplomb/redact'
import { type Field, headersOf } from './answers.ts'
import { type Outlook, outlookOf, type Safety } from './outlook.ts'
import { type Part, partsFor } from './parts.ts'
import { redactorOf } from './secrets.ts'
import { line, span } from './words.ts'

/** What was asked, as far as it is known. */
export interface Asked {
  /** @default 'GET' */
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Name and value of each header. An `Idempotency-Key` makes a POST safe to send again; what is secret is not repeated. */
  readonly headers?: readonly Field[] | undefined
  /** Where it is a text: a GraphQL query may be sent again. */
  readonly body?: string | undefined
}

/** Options of {@link explain}. */
export interface ExplainOptions extends Pick<ClassifyOptions, 'rules' | 'lookups' | 'rows'> {
  readonly request?: Asked | undefined
  /** When the headers came, in epoch milliseconds. @default the answer's `Date`, else now */
  readonly receivedAt?: number | undefined
}

const askedOptions: KindsOf<Asked> = {
  method: string(),
  url: string(),
  headers: list({ takes: 'a pair of name and value', is: (pair) => Array.isArray(pair) && pair.length === 2 }),
  body: string(),
}

const { rules, lookups, rows } = classifyOptions

/** What each option takes. */
export const explainOptions: KindsOf<ExplainOptions> = {
  rules,
  lookups,
  rows,
  request: shape(askedOptions),
  receivedAt: milliseconds({ from: 0, to: 8.64e15 }),
}

/** What an answer means, and what becomes of it. Plain data: what a server says is redacted, and can be printed. */
export interface Explanation {
  /** Of this shape. */
  readonly version: 1
  readonly request: { readonly method: string; readonly url?: string; readonly endpoint?: string }
  readonly status: number
  readonly verdict: Pick<
    Verdict,
    | 'kind'
    | 'action'
    | 'retryable'
    | 'refused'
    | 'tentative'
    | 'message'
    | 'code'
    | 'requestId'
    | 'retryAfterMs'
    | 'evidence'
  > & {
    /** In ISO 8601. */
    readonly retryAt?: string
  }
  readonly limits: Limits
  /** What a person, or a client without aplomb, is to do. */
  readonly todo: string
  /** Whether the request may be sent again although it may have been carried out. */
  readonly safe: boolean
  readonly safeBecause: string
  /** What `aplomb()` does with a call that is alone, and gets this as its first answer. */
  readonly next: Outlook
  readonly parts: readonly Part[]
}

/** Text by text. */
const redacted = <T>(value: T, text: Redactor['text']): T => {
  if (typeof value === 'string') return line(text(value)) as T
  if (Array.isArray(value)) return value.map((one: unknown) => redacted(one, text)) as T
  if (typeof value !== 'object' || value === null) return value
  const told = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(told.map(([name, one]) => [name, redacted<unknown>(one, text)])) as T
}

const safetyOf = ({ refused, unsent }: Verdict, { url, headers, body }: Asked, method: string): Safety => {
  const fields = headersOf(headers ?? [])
  // The Request itself is for functions of the user's own.
  const outgoing = { method, url: url ?? '', headers: fields, request: undefined as never }
  if (refused) return { safe: true, why: 'it was refused before it was processed' }
  if (unsent) return { safe: true, why: 'it never reached the server' }
  if (hasIdempotencyKey(outgoing)) return { safe: true, why: 'the server knows a repetition by its idempotency key' }
  if (isRepeatable({ ...outgoing, url: '', headers: new Headers() }))
    return { safe: true, why: `${method} does no more when repeated` }
  if (isRepeatable(outgoing, body)) return { safe: true, why: 'its client library repeats it, or it only reads' }
  return { safe: false, why: `${method} may have been carried out` }
}

const todoFor = (verdict: Verdict, { safe }: Safety): string => {
  const { kind, action, retryable, status, retryAfterMs: asked = 0 } = verdict
  const wait = asked > 0 ? `wait ${span(asked)}` : ''
  if (action === 'use') {
    if (kind === 'empty')
      return status === 404 ? 'nothing: there is no such record' : 'nothing: it was served, and is empty'
    return wait ? `use it; to ask again, ${wait}` : 'use it'
  }
  const advice = adviceFor(kind) ?? 'look at it: nothing says what it means'
  if (!retryable) return wait && action === 'pay' ? `${advice} (${span(asked)})` : advice
  const repeat = safe ? 'send it again' : 'find out whether it was carried out before you send it again'
  if (wait) return `${wait}, then ${repeat}`
  return kind === 'concurrency-limited'
    ? `when a call of yours has ended, ${repeat}; ${advice}`
    : `after a pause, ${repeat}`
}

/** Explains a verdict, of an answer or an error. */
export const explanationOf = (verdict: Verdict, request: Asked = {}): Explanation => {
  const { method: given = 'GET', url } = request
  const method = line(given)
  const redactor = redactorOf(request)
  const safety = safetyOf(verdict, request, given.toUpperCase())
  const { kind, action, retryable, refused, tentative, requestId, retryAfterMs, retryAt, status = 0 } = verdict
  const { message, code, evidence, limits } = redacted(
    { message: verdict.message, code: verdict.code, evidence: verdict.evidence, limits: verdict.limits },
    redactor.text,
  )
  const outlook = outlookOf(verdict, safety)
  const api = url && originOf(url) !== 'null' ? originOf(url) : ''
  return {
    version: 1,
    request: {
      method,
      ...(url !== undefined && { url: line(redactor.url(url)), endpoint: line(redactor.text(endpointOf(url))) }),
    },
    status,
    verdict: {
      kind,
      action,
      retryable,
      refused,
      tentative,
      evidence,
      ...(message !== undefined && { message }),
      ...(code !== undefined && { code }),
      ...(requestId !== undefined && { requestId: line(redactor.id(requestId)) }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(retryAt && !Number.isNaN(retryAt.getTime()) && { retryAt: retryAt.toISOString() }),
    },
    limits,
    todo: todoFor(verdict, safety),
    safe: safety.safe,
    safeBecause: safety.why,
    next: outlook,
    parts: partsFor({ verdict, outlook, limits, api: api || 'this API' }),
  }
}

const dateOf = (response: Response): number | undefined => {
  const ms = Date.parse(response.headers.get('date') ?? '')
  return ms >= 0 ? ms : undefined
}

/**
 * Explains an answer: what it means, what told that, what it says of limits, and what each part of aplomb would do with it.
 * The response stays as it was, its body unread.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * const { verdict, todo } = await explain(await fetch('https://api.example.com/v1/items'))
 * console.log(verdict.kind, verdict.evidence, todo)
 */
export const explain = async (response: Response, options: ExplainOptions = {}): Promise<Explanation> => {
  const given = readOptions('explain', options, explainOptions)
  const { request = {}, receivedAt = dateOf(response) ?? Date.now() } = given
  const url = request.url ?? (response.url || undefined)
  const verdict = await classifyResponse(response, {
    rules: given.rules,
    lookups: given.lookups,
    rows: options.rows,
    receivedAt,
    request: { url: url ?? '' },
  })
  return explanationOf(verdict, { ...request, url })
}

/** All that is decided: names and texts may have lost what was masked. */
const decided = ({ status, verdict: { kind, action, retryAfterMs }, next, limits }: Explanation): string =>
  JSON.stringify([status, kind, action, retryAfterMs, next, limits], (key, value: unknown) =>
    key === 'name' || key === 'reason' ? undefined : value,
  )

/** How a copy was judged, if that is not how the original was. */
export const difference = (original: Explanation, copy: Explanation): string | undefined =>
  decided(original) === decided(copy)
    ? undefined
    : `the copy is judged otherwise (${copy.verdict.kind}, ${copy.verdict.evidence})`
