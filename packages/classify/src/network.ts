import { actionFor } from './statuses.ts'
import type { Verdict, VerdictKind } from './types.ts'

/** What a failure without an answer means. */
interface FailureRow {
  /** Over the codes and messages of the error and its causes. */
  readonly says: RegExp
  readonly kind: VerdictKind
  readonly retryable: boolean
}

/**
 * How the runtimes say it: undici (Node), Bun, Deno, Workers, Chrome, Firefox, Safari, React Native, node-fetch. What
 * no repetition can mend comes first.
 *
 * ENOTFOUND is retried: in practice it is as often a resolver that is busy or starting as a name that does not exist.
 */
const FAILURES: readonly FailureRow[] = [
  // Certificates and protocols
  {
    says: /\bCERT_|_CERT\b|_CERT_|\bERR_TLS_|\bERR_SSL_|\bEPROTO\b|self[- ]signed|certificate|SSL routines|wrong version number|HOSTNAME_MISMATCH|UNABLE_TO_(?:GET|VERIFY)|TLS handshake failed/i,
    kind: 'network',
    retryable: false,
  },
  { says: /redirect/i, kind: 'network', retryable: false },
  // Bad arguments
  {
    says: /invalid url|ERR_INVALID_URL|failed to parse url|unknown scheme|URL scheme|unsupported (?:protocol|scheme)|UnsupportedProtocol|bad port|invalid (?:header|method|argument|value|name)|invalid .{0,40}header|UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED|ERR_INVALID_(?:ARG|CHAR|HTTP)|CONTENT_LENGTH_MISMATCH|is not a valid|cannot be constructed|cannot have body|body (?:is unusable|has already been|used already|is already)|already (?:been )?(?:used|read)|duplex option|must be a string|is not a function|no-cors|content security policy|not implemented/i,
    kind: 'invalid',
    retryable: false,
  },

  {
    says: /UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT|\bETIMEDOUT\b|\bESOCKETTIMEDOUT\b|timed[ -]?out|\btimeout\b/i,
    kind: 'timeout',
    retryable: true,
  },
  {
    says: /\b(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_AGAIN|EAI_FAIL|EAI_NODATA|EPIPE|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENETRESET|ENOTCONN|EADDRNOTAVAIL|EADDRINUSE|EMFILE|ENFILE)\b|\bUND_ERR_|HPE_|\bERR_(?:HTTP2|STREAM)_|ERR_NETWORK|ConnectionRefused|ConnectionClosed|ConnectionReset|FailedToOpenSocket/,
    kind: 'network',
    retryable: true,
  },
  {
    says: /fetch failed|failed to fetch|load failed|networkerror|network ?error|network (?:request failed|connection (?:was )?lost)|connection (?:was |is )?(?:lost|closed|reset|refused|aborted|error|terminated)|error sending request|unable to connect|socket|other side closed|terminated|premature close|internet connection appears to be offline|hostname could(?: not|n't) be (?:found|resolved)|could not connect|dns error|tcp connect|broken pipe|stream (?:closed|reset)|\bgoaway\b|internal error; reference/i,
    kind: 'network',
    retryable: true,
  },
]

interface Described {
  readonly name: string
  readonly texts: readonly string[]
  readonly message?: string | undefined
  readonly code?: string | undefined
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A member of whatever was thrown. It may be hostile. */
const member = (source: unknown, key: string): unknown => {
  try {
    return isObject(source) ? Reflect.get(source, key) : undefined
  } catch {
    return undefined
  }
}

const text = (source: unknown, key: string): string => {
  const value = member(source, key)
  return typeof value === 'string' ? value.slice(0, 1000) : ''
}

/** A URL in a message may hold any word. */
const withoutUrls = (message: string): string => message.replaceAll(/\bhttps?:\/\/[^\s)]+/g, 'URL')

/** Codes and messages of an error and of what caused it, the root last. */
const describe = (error: unknown): Described => {
  const texts: string[] = []
  const queue: unknown[] = [error]
  // The causes of undici's "fetch failed" hold the reason; an AggregateError has one for each address tried.
  for (let i = 0; i < queue.length && i < 12; i++) {
    const one = queue[i]
    if (typeof one === 'string') texts.push(withoutUrls(one.slice(0, 1000)))
    if (!isObject(one)) continue
    texts.push(text(one, 'code'), withoutUrls(text(one, 'message')))
    const errors = member(one, 'errors')
    queue.push(member(one, 'cause'), ...(Array.isArray(errors) ? errors.slice(0, 4) : []))
  }
  return {
    name: isObject(error) ? text(error, 'name') : typeof error,
    texts,
    message: (typeof error === 'string' ? error.slice(0, 1000) : text(error, 'message')) || undefined,
    code: text(error, 'code') || text(member(error, 'cause'), 'code') || undefined,
  }
}

const verdict = (
  kind: VerdictKind,
  retryable: boolean,
  evidence: string,
  message?: string,
  code?: string,
): Verdict => ({
  kind,
  action: kind === 'network' && !retryable ? 'fix' : actionFor(kind, retryable),
  retryable,
  refused: false,
  tentative: false,
  message,
  code,
  limits: { windows: [] },
  evidence,
})

/** What {@link classifyError} should know of the call. */
export interface ClassifyErrorOptions {
  /** The caller's signal. If it is aborted, so is the call, whatever the error looks like. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Judges what `fetch` rejected with, in any runtime: the connection (`network`), a time limit (`timeout`), the caller
 * (`aborted`), or a request that cannot be sent (`invalid`). Errors that are not a fetch's are `unknown`.
 *
 * Whether the caller gave up is asked of the signal, never of the error's name: an abort's reason may be anything.
 * Without a signal an AbortError is taken as the caller's.
 */
export const classifyError = (error: unknown, { signal }: ClassifyErrorOptions = {}): Verdict => {
  const { name, texts, message, code } = describe(error)
  if (signal?.aborted) return verdict('aborted', false, "the caller's signal is aborted", message)
  if (name === 'TimeoutError') return verdict('timeout', true, 'TimeoutError, not from the caller', message)
  if (name === 'AbortError') {
    return signal
      ? verdict('timeout', true, "AbortError, but the caller's signal is not aborted", message)
      : verdict('aborted', false, 'AbortError', message)
  }
  for (const { says, kind, retryable } of FAILURES) {
    const said = texts.map((one) => says.exec(one)?.[0]).find((match) => match !== undefined)
    if (said !== undefined) return verdict(kind, retryable, `${name || 'error'}: "${said}"`, message, code)
  }
  // fetch throws a TypeError for what it cannot send; so does a bug.
  if (name === 'TypeError') return verdict('invalid', false, 'TypeError that speaks of no network', message, code)
  return verdict('unknown', false, `${name || 'value'} that is no network failure`, message, code)
}
