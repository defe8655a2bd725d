import { printable } from './words.ts'

/** A header as it was written down. */
export type Field = readonly [name: string, value: string]

/** What is known of a request. */
export interface SavedRequest {
  readonly method: string
  /** Undefined if nobody has told it. */
  readonly url?: string | undefined
  readonly headers: readonly Field[]
  readonly body?: string | undefined
}

/** An answer that was written down. */
export interface SavedAnswer {
  /** `HTTP/1.1`, `HTTP/2` */
  readonly version: string
  readonly status: number
  readonly statusText: string
  readonly headers: readonly Field[]
  readonly body: string
  readonly request?: SavedRequest | undefined
  /** When its headers came, in epoch milliseconds, where something beside it says so. */
  readonly receivedAt?: number | undefined
}

const STATUS_LINE = /^(HTTP\/\d(?:\.\d)?)[ \t]+(\d{3})(?:[ \t](.*))?$/
const FIRST_HEAD = /^HTTP\/\d(?:\.\d)?[ \t]+\d{3}(?:[ \t].*)?$/m
/** One that comes right behind a body, which need not end with a line of its own: a header follows, for bodies speak of HTTP, too. */
const NEXT_HEAD = /HTTP\/\d(?:\.\d)?[ \t]+\d{3}[^\r\n]{0,200}\r?\n[\w!#$%&'*+.^`|~-]+:/g
const FIELD = /^([\w!#$%&'*+.^`|~-]+):(.*)$/

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const valueOf = (headers: readonly Field[], name: string): string | undefined =>
  headers.find(([one]) => one.toLowerCase() === name)?.[1]

/** The body without the sizes of its chunks (RFC 9112 section 7.1), or undefined if it has none. Lines may have lost their CR. */
const dechunked = (body: string): string | undefined => {
  const bytes = encoder.encode(body)
  const chunks: Uint8Array[] = []
  for (let at = 0; ;) {
    const end = bytes.indexOf(10, at)
    const size = /^([\da-f]{1,8})[ \t]*(?:;.*)?\r?$/i.exec(decoder.decode(bytes.subarray(at, Math.max(at, end))))?.[1]
    if (end < 0 || size === undefined) return undefined
    const length = Number.parseInt(size, 16)
    at = end + 1
    // An API may answer "0", or "abc", and no more.
    if (chunks.length === 0 && (length === 0 || at + length > bytes.length)) return undefined
    chunks.push(bytes.subarray(at, at + length))
    at += length
    if (length === 0 || at >= bytes.length)
      return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
    if (bytes[at] === 13) at++
    if (bytes[at++] !== 10) return undefined
  }
}

interface Head extends Pick<SavedAnswer, 'version' | 'status' | 'statusText' | 'headers'> {
  /** Where it ends, in the text. */
  readonly end: number
}

/** Reads a head that begins here. */
const headAt = (text: string, start: number): Head | undefined => {
  const headers: [string, string][] = []
  let status: RegExpExecArray | undefined
  let at = start
  while (at < text.length) {
    const newline = text.indexOf('\n', at)
    const stop = newline < 0 ? text.length : newline
    const line = text.slice(at, stop).replace(/\r$/, '')
    if (!status) {
      status = STATUS_LINE.exec(line) ?? undefined
      if (!status) return undefined
    } else if (line === '') {
      at = stop + 1
      break
    } else {
      const [, name, value] = FIELD.exec(line) ?? []
      const last = headers.at(-1)
      // A folded line belongs to the one before (RFC 9112 section 5.2).
      if (name !== undefined) headers.push([name, (value ?? '').trim()])
      else if (/^[ \t]/.test(line) && last) last[1] += ` ${line.trim()}`
    }
    at = stop + 1
  }
  if (!status) return undefined
  const [, version = '', code, reason = ''] = status
  return { version, status: Number(code), statusText: reason.trim(), headers, end: Math.min(at, text.length) }
}

const afterSpace = (text: string, at: number): number => {
  const space = /\s*/y
  space.lastIndex = at
  space.test(text)
  return space.lastIndex
}

const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 304

/** Where the body ends that begins here: by its length, if that fits, else where the next answer begins. */
const bodyEnd = (text: string, from: number, { status, headers }: Head): number => {
  if (hasNoBody(status) || headAt(text, from)) return from
  const length = valueOf(headers, 'content-length')
  if (length !== undefined && /^\d{1,15}$/.test(length)) {
    const bytes = encoder.encode(text.slice(from, from + Number(length)))
    const end = from + decoder.decode(bytes.subarray(0, Number(length))).length
    const next = afterSpace(text, end)
    if (bytes.length >= Number(length) && (next === text.length || headAt(text, next))) return end
  }
  NEXT_HEAD.lastIndex = from
  return NEXT_HEAD.exec(text)?.index ?? text.length
}

const answersIn = (text: string): SavedAnswer[] => {
  const answers: SavedAnswer[] = []
  let at = FIRST_HEAD.exec(text)?.index ?? text.length
  while (at < text.length) {
    const head = headAt(text, at)
    if (!head) break
    const { end, ...rest } = head
    const to = bodyEnd(text, end, head)
    const body = text.slice(end, to)
    const isChunked = /\bchunked\b/i.test(valueOf(head.headers, 'transfer-encoding') ?? '')
    answers.push({ ...rest, body: (isChunked ? dechunked(body) : undefined) ?? body })
    at = afterSpace(text, to)
  }
  return answers
}

/** What `curl -v` says beside the answer, taken apart. */
interface Trace {
  readonly notes: string
  readonly sent: readonly string[]
  readonly heads: string
  /** What is not curl's own: the answer with `-i`, else the body alone. */
  readonly rest: string
}

const IS_TRACE = /^(?:> [A-Z]+ \S+ HTTP\/\d|< HTTP\/\d)/m
/** Said right behind a body that does not end with a line. */
const LAST_WORDS = /\* (?:Connection #\d+ to host .*|Closing connection.*|Excess found .*)$/
const PROGRESS = /^ +% Total |^ +Dload +Upload|(?:^|\r) *\d+ [ \d.kMGTP]{1,80}(?:[-\d]{1,6}:){2}[-\d]{1,6} /

const traceIn = (text: string): Trace | undefined => {
  if (!IS_TRACE.test(text)) return undefined
  const notes: string[] = []
  const sent: string[] = []
  const heads: string[] = []
  const rest: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const [, mark, said = ''] = /^([*<>{}])(?: (.*))?$/.exec(line) ?? []
    if (mark === '>') sent.push(said)
    else if (mark === '<') heads.push(said)
    else if (mark === '*') notes.push(said)
    else if (!(mark && said.startsWith('[')) && !PROGRESS.test(line)) rest.push(line.replace(LAST_WORDS, ''))
  }
  return { notes: notes.join('\n'), sent, heads: heads.join('\n'), rest: rest.join('\n') }
}

const requestIn = ({ sent, notes }: Trace): SavedRequest | undefined => {
  const lines = sent.map((line) => /^([A-Z]+) (\S+) HTTP\/(\d)/.exec(line)).filter((line) => line !== null)
  const [, method, target = '', version] = lines.at(-1) ?? []
  if (method === undefined) return undefined
  // Of all requests: what one of them holds as a secret is no less one in the answer to another.
  const headers = sent.flatMap((line): Field[] => {
    const [, name, value] = FIELD.exec(line) ?? []
    return name === undefined ? [] : [[name, (value ?? '').trim()]]
  })
  const host = headers.findLast(([name]) => name.toLowerCase() === 'host')?.[1]
  const scheme = Number(version) >= 2 || /\b(?:SSL|TLS|ALPN)\b/.test(notes) ? 'https' : 'http'
  const url = /^https?:/.test(target) ? target : host && `${scheme}://${host}${target}`
  return { method, ...(url && { url }), headers }
}

const whyNone = (text: string): string => {
  if (text.trim() === '') return 'there is nothing to read'
  const failure = /^curl: \(\d+\) .*$/m.exec(text)?.[0]
  if (failure !== undefined) return `there is no answer in it: ${printable(failure)}`
  return 'no status line, such as "HTTP/1.1 429 Too Many Requests": save the answer with curl -i'
}

/**
 * Reads answers as curl prints them: `-i`, `-v` with `2>&1`, both, or `-D -`. Of several (100 Continue, a proxy's, redirects)
 * the last one is what `fetch` would return.
 *
 * @throws {SyntaxError} if there is no status line.
 */
export const parseAnswers = (given: string): readonly SavedAnswer[] => {
  const text = given.replace(/^\ufeff/, '')
  const trace = traceIn(text)
  const rest = trace?.rest ?? text
  let answers = answersIn(rest)
  if (trace && answers.length === 0) {
    answers = answersIn(trace.heads)
    const last = answers.pop()
    if (last) answers.push({ ...last, body: rest.replace(/^(?:\r?\n)+/, '') })
  }
  if (answers.length === 0) throw new SyntaxError(whyNone(text))
  const request = trace && requestIn(trace)
  return request ? answers.map((answer) => ({ ...answer, request })) : answers
}

/** As the bytes that a header is made of. */
const asHeader = (value: string): string =>
  Array.from(encoder.encode(value), (byte) =>
    (byte < 32 && byte !== 9) || byte === 127 ? ' ' : String.fromCharCode(byte),
  ).join('')

/** Headers that may be of any make; those that cannot be are left out. */
export const headersOf = (fields: readonly Field[]): Headers => {
  const headers = new Headers()
  for (const [name, value] of fields) {
    try {
      headers.append(name, asHeader(value))
    } catch {
      // The pseudo headers of HTTP/2, or junk.
    }
  }
  return headers
}

/** The answer as `fetch` would give it. */
export const responseOf = ({ status, statusText, headers, body }: SavedAnswer): Response => {
  // As bytes: a text would bring a content type along.
  const isEmpty = body === '' || hasNoBody(status) || status === 205
  const isCommon = status >= 200 && status <= 599
  const response = new Response(isEmpty ? null : encoder.encode(body), {
    status: isCommon ? status : 200,
    statusText: /^[\t\x20-\x7e]*$/.test(statusText) ? statusText : '',
    headers: headersOf(headers),
  })
  // 999 and the like: servers send what a Response cannot be made with.
  if (!isCommon) Object.defineProperty(response, 'status', { value: status })
  return response
}
