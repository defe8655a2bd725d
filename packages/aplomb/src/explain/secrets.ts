import { type Held, originOf, REDACTED, redaction, type Redactor } from '@aplomb/redact'
import { type Field, headersOf, type SavedAnswer, type SavedRequest, valueOf } from './answers.ts'
import { printable } from './words.ts'

/** Headers that hold secrets, by any vendor. What is about limits is shown all the same: tokens are what models count in. */
const SECRET_HEADER =
  /cookie|auth(?!or\b)|token|secret|passw|session|sig(?:nature)?\b|credential|csrf|xsrf|(?:^|-)key\b/i

const redactorFor = redaction()

const NO_REQUEST: Held = { url: '', headers: new Headers() }

/** Where a request may hold secrets. */
interface Holder {
  readonly url?: string | undefined
  readonly headers?: readonly Field[] | undefined
  readonly body?: string | undefined
}

const asked = (request: Holder | undefined): Held =>
  request ? { url: request.url ?? '', headers: headersOf(request.headers ?? []), bodyText: request.body } : NO_REQUEST

/** Takes out what the request held, and what looks like a secret. */
export const redactorOf = (request?: Holder): Redactor => {
  const one = asked(request)
  return redactorFor(one, originOf(one.url))
}

/** As much of a body as is kept. */
const BODY_CHARS = 8000

/** JSON that is deeper is no answer, and would overflow the stack. */
const MOST_DEPTH = 64

/** A value of JSON, with the secrets that its name or its form gives away. */
const leaf = (name: string, value: unknown, { text }: Redactor): unknown => {
  try {
    const parsed = JSON.parse(text(JSON.stringify({ [name]: value }), BODY_CHARS)) as Record<string, unknown>
    return Object.hasOwn(parsed, name) ? parsed[name] : REDACTED
  } catch {
    return REDACTED
  }
}

const walk = (name: string, value: unknown, redactor: Redactor, depth = 0): unknown => {
  if (depth > MOST_DEPTH) return REDACTED
  if (Array.isArray(value)) return value.map((one) => walk(name, one, redactor, depth + 1))
  if (typeof value !== 'object' || value === null) return leaf(name, value, redactor)
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [redactor.text(key), walk(key, one, redactor, depth + 1)]),
  )
}

const maskedText = (body: string, redactor: Redactor): string => {
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json === 'object' && json !== null) return JSON.stringify(walk('', json, redactor))
  } catch {
    // No JSON.
  }
  return redactor.text(body, BODY_CHARS)
}

/** Each line of an event stream is a field, with JSON in it. */
const maskedStream = (body: string, redactor: Redactor): string =>
  body.replaceAll(/^((?:data|event|id|retry):[ ]?)?(.*)$/gm, (_, field: string = '', text: string) => {
    return field + (text && maskedText(text, redactor))
  })

const maskedBody = ({ headers, body }: SavedAnswer, redactor: Redactor): string =>
  /^text\/event-stream\b/i.test(valueOf(headers, 'content-type') ?? '')
    ? maskedStream(body, redactor)
    : maskedText(body, redactor)

/** A partition key (draft-ietf-httpapi-ratelimit-headers) is left out whole: a part of it, masked, would make the field unreadable. */
const withoutKey = (value: string): string => value.replaceAll(/;[ ]?pk=:[^:]*:/g, '')

const masked = (fields: readonly Field[], request: Held): Field[] => {
  const headers = headersOf(fields)
  const names = Array.from(headers.keys()).filter((name) => !SECRET_HEADER.test(name))
  // Names of the answer's headers are no names of the request's: what is a secret there stays one.
  const shown = redaction({ headers: names })(NO_REQUEST, '').headers(headers)
  const { text } = redactorFor(request, originOf(request.url))
  return fields.map(([name, value]) => {
    const lower = name.toLowerCase()
    if (lower === 'location' || lower === 'content-location') return [name, redactorFor(request, '').url(value)]
    return [name, Object.hasOwn(shown, lower) ? text(withoutKey(value)) : REDACTED]
  })
}

const requestLines = ({ method, url, headers }: SavedRequest, redactor: Redactor): readonly string[] => {
  if (url === undefined && method === 'GET' && headers.length === 0) return []
  const shown = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)([^#]*)/i.exec(url === undefined ? '' : redactor.url(url))
  const [, scheme, host, target] = shown ?? []
  const version = scheme === 'https' ? '2' : '1.1'
  const rest = masked(
    headers.filter(([name]) => name.toLowerCase() !== 'host' && !name.startsWith(':')),
    asked({ url, headers }),
  )
  const lines = [
    `${method} ${target || '/'} HTTP/${version}`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...rest.map(([name, value]) => `${name}: ${value}`),
  ]
  return lines.map((one) => `> ${printable(one).replaceAll('\n', ' ')}`)
}

/**
 * A copy of an answer, and of what is known of its request, that may be shown to others: as `curl -iv` prints it, with
 * secrets masked. It is read and judged as the original is.
 */
export const redactedCopy = (answer: SavedAnswer): string => {
  const { version, status, statusText, headers, request } = answer
  const redactor = redactorOf(request)
  const head = [
    `${version} ${status} ${redactor.text(statusText)}`.trimEnd(),
    ...masked(headers, asked(request)).map(([name, value]) => `${name}: ${value}`),
  ].map((one) => printable(one).replaceAll('\n', ' '))
  const sent = request ? requestLines(request, redactor) : []
  const isChunked = /\bchunked\b/i.test(valueOf(headers, 'transfer-encoding') ?? '')
  const text = printable(maskedBody(answer, redactor))
  return [...sent, ...head.filter((one) => !isChunked || !/^transfer-encoding:/i.test(one)), '', text].join('\n')
}
