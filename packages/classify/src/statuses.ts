import type { Action, VerdictKind } from './types.ts'

const ACTIONS: Readonly<Record<VerdictKind, Action>> = {
  ok: 'use',
  empty: 'use',
  invalid: 'fix',
  unprocessable: 'fix',
  unauthenticated: 'fix',
  forbidden: 'fix',
  missing: 'fix',
  conflict: 'fix',
  billing: 'pay',
  'quota-exhausted': 'pay',
  'rate-limited': 'wait',
  'concurrency-limited': 'slow-down',
  overloaded: 'wait',
  'server-error': 'retry',
  network: 'retry',
  timeout: 'retry',
  aborted: 'stop',
  unknown: 'stop',
}

/** Whether there is such a kind. */
export const isKind = (kind: unknown): boolean => typeof kind === 'string' && Object.hasOwn(ACTIONS, kind)

const RETRYABLE: ReadonlySet<VerdictKind> = new Set([
  'rate-limited',
  'concurrency-limited',
  'overloaded',
  'server-error',
  'network',
  'timeout',
])

/** Whether an answer of this kind may turn out better when asked again. */
export const mayPass = (kind: VerdictKind): boolean => RETRYABLE.has(kind)

/** What to do about a kind: what would be repeated but must not be is stopped, and the other way round. */
export const actionFor = (kind: VerdictKind, retryable: boolean): Action => {
  if (RETRYABLE.has(kind) === retryable) return ACTIONS[kind]
  return retryable ? 'retry' : 'stop'
}

interface StatusRow {
  readonly kind: VerdictKind
  readonly retryable?: boolean | undefined
  readonly sign?: string | undefined
}

/** What a status means when nothing else in the answer says more. */
const STATUSES: Readonly<Record<number, StatusRow>> = {
  204: { kind: 'empty' },
  205: { kind: 'empty' },
  400: { kind: 'invalid' },
  401: { kind: 'unauthenticated' },
  402: { kind: 'billing' },
  403: { kind: 'forbidden' },
  404: { kind: 'missing' },
  405: { kind: 'invalid' },
  406: { kind: 'invalid' },
  407: { kind: 'unauthenticated', sign: 'a proxy asks for credentials' },
  408: { kind: 'timeout' },
  409: { kind: 'conflict' },
  410: { kind: 'missing' },
  411: { kind: 'invalid' },
  412: { kind: 'conflict' },
  413: { kind: 'invalid' },
  414: { kind: 'invalid' },
  415: { kind: 'invalid' },
  416: { kind: 'invalid' },
  417: { kind: 'invalid' },
  // Old Twitter: enhance your calm
  420: { kind: 'rate-limited' },
  // RFC 9110 section 15.5.20: another connection may lead to a server that answers for this host
  421: { kind: 'server-error', sign: 'the wrong server for this host' },
  422: { kind: 'unprocessable' },
  // APIFreaks: an input that cannot be looked up. A lock says so in words.
  423: { kind: 'invalid' },
  // RFC 8470 section 5.2: once the handshake is over, the same request may pass
  425: { kind: 'server-error', sign: 'too early' },
  426: { kind: 'invalid' },
  428: { kind: 'invalid' },
  429: { kind: 'rate-limited', sign: 'nothing names the cause' },
  // Shopify: judged malicious, the same request will be judged so again
  430: { kind: 'rate-limited', retryable: false, sign: 'rejected for security reasons' },
  431: { kind: 'invalid' },
  451: { kind: 'forbidden' },
  // DeepL
  456: { kind: 'quota-exhausted' },
  500: { kind: 'server-error' },
  502: { kind: 'server-error' },
  503: { kind: 'overloaded' },
  504: { kind: 'server-error' },
  // Bandwidth limit exceeded
  509: { kind: 'quota-exhausted' },
  520: { kind: 'server-error' },
  521: { kind: 'server-error' },
  522: { kind: 'server-error' },
  523: { kind: 'server-error' },
  524: { kind: 'server-error' },
  529: { kind: 'overloaded' },
}

/** They speak of limits or money by themselves. */
const LIMIT_STATUSES: ReadonlySet<number> = new Set([402, 420, 429, 430, 456, 503, 509, 529])

/** Whether words on this status say more than how a limit, or what is to be paid, is called. */
export const speaksOfLimits = (status: number): boolean => LIMIT_STATUSES.has(status)

/** The verdict of the status alone. */
export const byStatus = (status: number): StatusRow => {
  const row = STATUSES[status]
  if (row) return row
  if (status >= 100 && status < 400) return { kind: 'ok' }
  return status >= 500 && status < 600 ? { kind: 'server-error', retryable: false } : { kind: 'unknown' }
}
