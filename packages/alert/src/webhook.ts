import { backoffJitter } from '@aplomb/backoff-jitter'
import {
  callback,
  createFetch,
  discard,
  type Fetch,
  type KindsOf,
  milliseconds,
  readOptions,
  verdictOfError,
} from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'
import type { Sink } from './outbox.ts'
import type { Alert } from './record.ts'

/** Options of {@link webhook} and `slack`. */
export interface WebhookOptions {
  /** What sends. @default the global `fetch`, looked up at each alert */
  readonly fetch?: Fetch | undefined
  /** Headers to send along: `{ authorization: 'Bearer ...' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How long an alert is tried to be delivered, in milliseconds. @default 120000 */
  readonly timeoutMs?: number | undefined
}

const ATTEMPT_MS = 10_000
const OWN = '"aplomb-alert-'

/** Whether a request delivers an alert: a `fetch` that is itself watched must not alert about its alerts. */
export const isDelivery = ({ headers }: Request): boolean => headers.get('idempotency-key')?.startsWith(OWN) ?? false

const parse = (name: string, url: string | URL): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  // The URL is a secret: no message shows it.
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new TypeError(`${name}: url must be an http or https URL`)
  if (parsed.username || parsed.password)
    throw new TypeError(`${name}: url must hold no user or password: use the option headers`)
  return parsed.href
}

const isHeaders = (headers: Readonly<Record<string, string>>): boolean => {
  try {
    void new Headers(headers)
    return Object.values(headers).every((value) => typeof value === 'string')
  } catch {
    return false
  }
}

const webhookOptions: KindsOf<WebhookOptions> = {
  fetch: callback,
  headers: {
    takes: 'an object with names and values of headers',
    is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Headers),
    fits: isHeaders,
    secret: true,
  },
  timeoutMs: milliseconds({ above: 0, to: 2 ** 31 - 1 }),
}

/** Posts what `toBody` makes of an alert, through a pipeline of its own. */
export const poster = (
  name: string,
  url: string | URL,
  options: WebhookOptions,
  toBody: (alert: Alert) => unknown,
): Sink => {
  const target = parse(name, url)
  const { fetch, headers, timeoutMs = 120_000 } = readOptions(name, options, webhookOptions)
  const common = new Headers({ 'content-type': 'application/json', ...headers })
  const backoff = backoffJitter({ maxAttempts: 20, attemptTimeoutMs: ATTEMPT_MS })
  const send = createFetch([backoff, retryAfter({ maxAttempts: 20 })], { fetch, timeoutMs })

  return async (alert) => {
    const sent = new Headers(common)
    // The same for every attempt: a receiver may tell a repetition by it.
    sent.set('idempotency-key', `${OWN}${alert.id}-${alert.sequence}"`)
    // A redirect would turn the POST into a GET, and the alert would be lost without a word.
    const init = { method: 'POST', headers: sent, body: JSON.stringify(toBody(alert)), redirect: 'manual' } as const
    // Neither the error nor its message goes on: it may repeat the URL.
    const response = await send(target, init).catch((error: unknown) => verdictOfError(error).kind)
    if (typeof response === 'string') throw new Error(`${name}: no answer (${response})`)
    discard(response)
    if (!response.ok) throw new Error(`${name}: the answer was ${response.status}`)
  }
}

/**
 * Makes a sink that posts alerts as JSON. It is tried again, with growing delays and the same `Idempotency-Key`, until
 * the receiver has taken it or `timeoutMs` is over.
 *
 * @throws {TypeError | RangeError} if an argument makes no sense. No message shows the URL or a header.
 * @example
 * alert({ to: webhook('https://ops.example.com/alerts', { headers: { authorization: `Bearer ${token}` } }) })
 */
export const webhook = (url: string | URL, options: WebhookOptions = {}): Sink =>
  poster('webhook', url, options, (alert) => alert)
