import { type Failing, failureOf, judgeEnding, type Verdict } from '@aplomb/pipeline'
import {
  BEFORE_SENDING,
  FAILURES,
  type FailureRow,
  NOT_FOUND_CODES,
  NOT_FOUND_TEXTS,
  UNSENT_CODES,
  UNSENT_TEXTS,
} from './failures.ts'

/** An error in a chain of causes. */
interface Link {
  readonly codes: readonly string[]
  /** Its message, without URLs and names of hosts. */
  readonly text: string
  /** The system call that failed. */
  readonly syscall: string | undefined
  /** Where it was to connect to, as far as it says. */
  readonly hosts: readonly string[]
  readonly ports: readonly string[]
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

/** The name of a host or a URL may hold any word. */
const withoutHosts = (message: string): string =>
  message
    .replaceAll(/\b[a-z][\w+.-]*:\/\/\S+/gi, 'URL')
    .replaceAll(/(?:[\w-]+\.)+[a-z][\w-]+/gi, 'HOST')
    .replaceAll(/(?<=failed to fetch )\([^)]*\)/gi, 'HOST')

/** Codes that stand in a message. */
const CODES = /\b(?:[A-Z]{3,}_)?E[A-Z]{2,}\w*|\bHPE_\w+/g
/** libuv's way to put it. */
const SYSTEM_CALL = /\b(connect|getaddrinfo|read|write) E[A-Z]/

const linkOf = (one: unknown): Link => {
  const message = typeof one === 'string' ? one.slice(0, 1000) : text(one, 'message')
  const words = withoutHosts(message)
  const urls = Array.from(message.matchAll(/\bhttps?:\/\/[^\s)]+/g), ([url]) => urlOf(url)).filter(
    (url) => url !== undefined,
  )
  const attempted = /attempted address(?:es)?: ([^)]*)/.exec(message)?.[1] ?? ''
  const port = member(one, 'port')
  return {
    codes: [text(one, 'code'), ...(words.match(CODES) ?? [])].filter(Boolean),
    text: words,
    syscall: text(one, 'syscall') || SYSTEM_CALL.exec(words)?.[1],
    hosts: [text(one, 'hostname'), text(one, 'host'), ...urls.map(({ hostname }) => hostname)].filter(Boolean),
    ports: [
      ...(typeof port === 'number' || typeof port === 'string' ? [String(port)] : []),
      ...urls.map(portOf),
      ...Array.from(attempted.matchAll(/:(\d+)(?=,|$)/g), ([, found = '']) => found),
    ],
  }
}

const urlOf = (url: string): URL | undefined => {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

const portOf = ({ protocol, port }: URL): string => port || (protocol === 'https:' ? '443' : '80')

interface Chain {
  readonly links: readonly Link[]
  /** Those that nothing else has caused. */
  readonly roots: readonly Link[]
}

/** An error and what caused it, the root last. */
const chainOf = (error: unknown): Chain => {
  const links: Link[] = []
  const roots: Link[] = []
  const queue: unknown[] = [error]
  // The causes of undici's "fetch failed" hold the reason; an AggregateError has one for each address tried.
  for (let i = 0; i < queue.length && i < 12; i++) {
    const one = queue[i]
    const errors = member(one, 'errors')
    const causes = [member(one, 'cause'), ...(Array.isArray(errors) ? errors.slice(0, 4) : [])].filter(
      (cause) => typeof cause === 'string' || isObject(cause),
    )
    queue.push(...causes)
    const link = linkOf(one)
    links.push(link)
    if (causes.length === 0) roots.push(link)
  }
  return { links, roots }
}

/** The first row that something in the chain speaks of, and what: codes before texts. */
const rowFor = (links: readonly Link[]): { readonly row: FailureRow; readonly said: string } | undefined => {
  const sources = { codes: links.flatMap(({ codes }) => codes), texts: links.map((link) => link.text) }
  for (const field of ['codes', 'texts'] as const) {
    for (const row of FAILURES) {
      const said = sources[field].map((one) => row[field].exec(one)?.[0]).find((match) => match !== undefined)
      if (said !== undefined) return { row, said }
    }
  }
  return undefined
}

/** Whether nothing has reached a server, for certain. */
const isUnsent = ({ roots }: Chain, url: string | undefined): boolean => {
  const asked = url === undefined ? undefined : urlOf(url)
  // Another server than the one asked could not be reached: a redirect of the first, which had the request, or a proxy.
  const isElsewhere = ({ hosts, ports }: Link): boolean =>
    asked !== undefined &&
    (hosts.some((host) => host !== asked.hostname) || ports.some((port) => port !== portOf(asked)))
  return roots.every((root) => {
    if (isElsewhere(root)) return false
    if (root.syscall) return BEFORE_SENDING.has(root.syscall)
    return root.codes.some((code) => UNSENT_CODES.test(code)) || UNSENT_TEXTS.test(root.text)
  })
}

const isNotFound = ({ roots }: Chain): boolean =>
  roots.some((root) => root.codes.some((code) => NOT_FOUND_CODES.test(code)) || NOT_FOUND_TEXTS.test(root.text))

/** The platform answers these itself: where no server is asked, none is better the next time (fetch standard, "local scheme"). */
const LOCAL = /^(?:about|blob|data):/i

/**
 * What {@link classifyError} should know of the call. An error of an `about:`, `blob:` or `data:` URL is none of the network.
 */
export type ClassifyErrorOptions = Failing

/**
 * Judges what `fetch` rejected with, in any runtime: the connection (`network`), a time limit (`timeout`), the caller
 * (`aborted`), or a request that cannot be sent (`invalid`). Errors that are not a fetch's are `unknown`.
 *
 * Whether the caller gave up is asked of the signal, never of the error's name: an abort's reason may be anything.
 * Without a signal an AbortError is taken as the caller's.
 */
export const classifyError = (error: unknown, { signal, request }: ClassifyErrorOptions = {}): Verdict =>
  judgeEnding(error, signal) ?? judgeConnection(error, request)

/** Judges by what an error says, whoever may have ended the call. */
export const judgeConnection = (error: unknown, request: Failing['request']): Verdict => {
  const name = isObject(error) ? text(error, 'name') : typeof error
  const message = (typeof error === 'string' ? error.slice(0, 1000) : text(error, 'message')) || undefined
  const chain = chainOf(error)
  // undici fails so where the fetch standard returns "a network error" and no more: at a redirect with a stream, for one.
  if (
    message === 'fetch failed' &&
    chain.links.length > 1 &&
    chain.roots.some((root) => root.codes.length === 0 && !root.text)
  )
    return failureOf(error, 'network', `${name || 'error'} without a reason`, { retryable: false })
  const found = rowFor(chain.links)
  if (found) {
    const { row, said } = found
    const evidence = `${name || 'error'}: "${said}"`
    if (!row.retryable) return failureOf(error, row.kind, evidence, { retryable: false })
    if (request && LOCAL.test(request.url)) return failureOf(error, 'invalid', `${name || 'error'} of a local URL`)
    return failureOf(error, row.kind, evidence, {
      unsent: isUnsent(chain, request?.url),
      tentative: isNotFound(chain),
    })
  }
  // fetch throws a TypeError for what it cannot send; so does a bug.
  if (name === 'TypeError') return failureOf(error, 'invalid', 'TypeError that speaks of no network')
  return failureOf(error, 'unknown', `${name || 'value'} that is no network failure`)
}
