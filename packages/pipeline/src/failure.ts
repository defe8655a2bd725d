import { newVerdict, type Verdict, type VerdictKind } from './verdict.ts'

/** What is known of the call that has failed. */
export interface Failing {
  /** The caller's signal. If it is aborted, so is the call, whatever the error looks like. */
  readonly signal?: AbortSignal | undefined
  /** What was asked: a failure to connect to another server, after a redirect, does not mean that nothing was sent. */
  readonly request?: { readonly url: string } | undefined
}

/** A member of whatever was thrown. It may be hostile. */
export const member = (source: unknown, key: string): unknown => {
  try {
    return typeof source === 'object' && source !== null ? Reflect.get(source, key) : undefined
  } catch {
    return undefined
  }
}

const text = (source: unknown, key: string): string => {
  const value = member(source, key)
  return typeof value === 'string' ? value.slice(0, 1000) : ''
}

const messageOf = (error: unknown): string =>
  typeof error === 'string' ? error.slice(0, 1000) : text(error, 'message')

/** How the runtimes say it, in codes and in words. What no repetition can mend comes first. */
const SIGNS: readonly (readonly [VerdictKind, boolean, RegExp])[] = [
  [
    'network',
    false,
    // Certificates; the platform's own rules; a client that was closed
    /\w*cert\w*|self[- ]signed|\bSSL\b|\w*_SSL_\w*|ERR_TLS_(?!H)\w*|EPROTO|UNABLE_TO_\w+|\w*redirect\w*|cross[- ]origin|\bcors\b|credentials|integrity|mixed content|\w*_BLOCKED_\w*|UND_ERR_(?:DESTROYED|CLOSED|HEADERS_O\w+)|client is \w+ed/i,
  ],
  [
    'invalid',
    false,
    /\w*INVALID_(?:URL|ARG|CHAR|HTTP_T)\w*|invalid (?:url|header|method|argument|value|name)|parse url|scheme|unsupported protocol|bad port|body (?:is|has|used) (?:un|al)\w+|already (?:been )?(?:used|read)|duplex|not a (?:valid|function)|cannot (?:be constructed|have body)/i,
  ],
  ['timeout', true, /\w*TIME(?:D_?)?OUT\w*|timed[ -]out/i],
  [
    'network',
    true,
    /\bE(?:CONN|NOT|AI_|HOST|NET|ADDR|PIPE|[MN]FILE)\w*|(?:UND_ERR|HPE|ERR_(?:HTTP2|STREAM|QUIC|NETWORK|CONN|PROXY|TUNNEL|NAME|DNS|ADDR|INTERNET|SOCKET|EMPTY))_?\w*|fetch failed|failed to fetch|load failed|network ?(?:error|request|connection)|connection ?(?:was |is )?(?:lost|closed|reset|refused|aborted|error)|unable to connect|sending request|socket|FailedToOpen\w+|side closed|terminated|premature close|to be offline|hostname could|dns error|broken pipe/i,
  ],
]

/** Nothing was sent before one of these: neither a connection nor the address of the host. */
const UNSENT =
  /^(?:ECONNREFUSED|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$/
const CONNECTING = /^(?:connect|getaddrinfo)$/

/** Whether an error, which nothing else has caused, came before anything was sent to this server, and not to one that a redirect has led to. */
const isUnsent = (root: unknown, url: URL | undefined): boolean => {
  const syscall = text(root, 'syscall')
  if (!(syscall ? CONNECTING.test(syscall) : UNSENT.test(text(root, 'code')))) return false
  if (!url) return true
  const { host, port } = /attempted address\w*: (?<host>[^\s,]+):(?<port>\d+)/.exec(messageOf(root))?.groups ?? {
    host: text(root, 'hostname'),
    port: text(root, 'port') || member(root, 'port'),
  }
  const asked = url.port || (url.protocol === 'https:' ? '443' : '80')
  return (!host || host === url.hostname) && (!port || Number(port) === Number(asked))
}

/** The name of a host or a URL may hold any word. */
const withoutHosts = (message: string): string =>
  message.replaceAll(/\b[a-z][\w+.-]*:\/\/\S+|(?:[\w-]+\.)+[a-z][\w-]+/gi, 'HOST')

/** An error with what caused it, and of those the ones that nothing else has caused. */
const chainOf = (error: unknown): { readonly links: readonly unknown[]; readonly roots: readonly unknown[] } => {
  const links: unknown[] = [error]
  const roots: unknown[] = []
  // An AggregateError has one for each address that was tried; a cause may go round in circles.
  for (let i = 0; i < links.length && i < 8; i++) {
    const errors = member(links[i], 'errors')
    const causes = [member(links[i], 'cause'), ...(Array.isArray(errors) ? errors.slice(0, 4) : [])].filter(Boolean)
    links.push(...causes)
    if (causes.length === 0) roots.push(links[i])
  }
  return { links, roots }
}

/** The verdict for what was thrown in place of an answer. */
export const failureOf = (
  error: unknown,
  kind: VerdictKind,
  evidence: string,
  more: { readonly retryable?: boolean; readonly unsent?: boolean; readonly tentative?: boolean } = {},
): Verdict => {
  const code = text(error, 'code') || text(member(error, 'cause'), 'code') || undefined
  return newVerdict({ kind, receivedAt: 0, evidence, message: messageOf(error) || undefined, code, ...more })
}

/**
 * The verdict that follows from who has ended the attempt, if somebody has: the caller, or a time limit. Whether the caller gave up
 * is asked of the signal, never of the error's name: an abort's reason may be anything. Without a signal an AbortError is taken as the caller's.
 */
export const judgeEnding = (error: unknown, signal: AbortSignal | undefined): Verdict | undefined => {
  const name = text(error, 'name')
  if (signal?.aborted) return failureOf(error, 'aborted', "the caller's signal is aborted")
  if (name === 'TimeoutError') return failureOf(error, 'timeout', 'TimeoutError, not from the caller')
  if (name !== 'AbortError') return undefined
  return signal
    ? failureOf(error, 'timeout', "AbortError, but the caller's signal is not aborted")
    : failureOf(error, 'aborted', 'AbortError')
}

/** Judges by what an error says, as far as that is plain: in doubt it is none of the network. */
export const judgeFailure = (error: unknown, { request }: Failing = {}): Verdict => {
  const name = text(error, 'name') || typeof error
  const { links, roots } = chainOf(error)
  const words = links.map((link) => `${text(link, 'code')} ${withoutHosts(messageOf(link))}`).join('\n')
  // undici fails so where the fetch standard returns "a network error" and no more: at a redirect with a stream, for one.
  const silent = links.length > 1 && roots.some((root) => !text(root, 'code') && !messageOf(root))
  if (silent && messageOf(error) === 'fetch failed')
    return failureOf(error, 'network', `${name} without a reason`, { retryable: false })
  for (const [kind, retryable, sign] of SIGNS) {
    const said = sign.exec(words)?.[0]
    if (said === undefined) continue
    const url = request && URL.canParse(request.url) ? new URL(request.url) : undefined
    return failureOf(error, kind, `${name}: "${said}"`, {
      retryable,
      unsent: retryable && roots.length > 0 && roots.every((root) => isUnsent(root, url)),
      // No such host, says the resolver: now and then it is one that is busy or starting.
      tentative: retryable && /\bENOTFOUND\b/.test(words),
    })
  }
  // fetch throws a TypeError for what it cannot send; so does a bug.
  if (name === 'TypeError') return failureOf(error, 'invalid', 'TypeError that speaks of no network')
  return failureOf(error, 'unknown', `${name} that is no network failure`)
}
