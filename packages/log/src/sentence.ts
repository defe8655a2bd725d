import type { VerdictKind } from '@aplomb/pipeline'
import type { AttemptRecord, CallRecord, LimitRecord, LogRecord, RetryRecord, Times } from './record.ts'

const NEXT = { retry: 'to be sent again', return: 'returned', throw: 'thrown' } as const

/** The remedy for a call that failed with this kind: what a person can do. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    invalid: 'fix the request',
    unprocessable: 'fix the data',
    unauthenticated: 'fix the key',
    forbidden: 'fix the plan, what the key may do, or what a firewall lets through',
    missing: 'fix the URL',
    conflict: 'look who else changes it',
    billing: 'pay',
    'quota-exhausted': 'pay, or wait for the next period',
    'rate-limited': 'send less, or wait for longer',
    'concurrency-limited': 'send fewer at once',
    overloaded: 'try later',
    'server-error': 'try later, or tell who runs it',
    network: 'look at the network and the host',
    timeout: 'try later, or wait for longer',
  } satisfies Partial<Record<VerdictKind, string>>),
)

/** What a person can do about a kind: "fix the key". */
export const adviceFor = (kind: string): string | undefined => ADVICE.get(kind)

const toDo = (kind: string): string => {
  const advice = adviceFor(kind)
  return advice === undefined ? '' : `; to do: ${advice}`
}

/** Two or three digits say enough. */
const span = (ms: number): string => {
  if (ms < 10_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number((ms / 60_000).toPrecision(3))} min`
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`

/** Waits of less than a millisecond are none. */
const waitsOf = ({ queueMs, holdMs, backoffMs }: Times, line = ''): string[] => {
  const waits: [number, string][] = [
    [queueMs, `in the queue${line}`],
    [holdMs, 'on hold'],
    [backoffMs, 'backing off'],
  ]
  return waits.filter(([ms]) => ms >= 1).map(([ms, where]) => `${span(ms)} ${where}`)
}

/** What came of it: the answer's status, or the error. */
const outcomeOf = ({ status, error, verdict }: AttemptRecord | CallRecord): string =>
  status === undefined ? (error?.name ?? verdict) : `${status}`

/** The evidence without what stands in front already. */
const signOf = (record: AttemptRecord | CallRecord): string => {
  const [outcome, { evidence }] = [outcomeOf(record), record]
  const sign = evidence.startsWith(outcome) ? evidence.slice(outcome.length).replace(/^[,:]? /, '') : evidence
  return sign && ` (${sign})`
}

const whyOf = (record: AttemptRecord | CallRecord): string =>
  record.verdict === 'ok' ? '' : `: ${record.verdict}${signOf(record)}`

const saidIn = ({ message, error }: AttemptRecord | CallRecord): string => {
  const cause = error?.cause && error.cause.message !== message ? `, because of ${error.cause.message}` : ''
  return message === undefined ? '' : `: "${message}"${cause}`
}

const attempt = (record: AttemptRecord): string => {
  const { attempt: number, headersMs, next, verdict, limit, queued } = record
  const line = limit === undefined ? '' : ` (place ${queued}, ${limit} at once)`
  const waits = waitsOf(record, line)
  const after = waits.length > 0 ? `, after ${listed(waits)}` : ''
  const which = number > 1 ? `attempt ${number}: ` : ''
  const goesOn = verdict === 'ok' && next === 'return' ? '' : `, ${NEXT[next]}`
  return `${which}${outcomeOf(record)} in ${span(headersMs)}${after}${whyOf(record)}${goesOn}${saidIn(record)}`
}

/** Why nobody tries it again, if that is not what came of it. */
const endOf = ({ gaveUp, evidence }: CallRecord): string =>
  gaveUp === undefined || gaveUp.includes(evidence) ? '' : `; given up by ${gaveUp}`

const call = (record: CallRecord): string => {
  const { attempt: attempts, durationMs, headersMs, verdict } = record
  const sent = attempts === 0 ? ' without being sent,' : attempts === 1 ? '' : ` after ${attempts} attempts and`
  const waits = waitsOf(record)
  const answers = `${span(headersMs)} for the answer${attempts > 1 ? 's' : ''}`
  const parts = waits.length === 0 ? '' : ` (${listed(attempts === 0 ? waits : [...waits, answers])})`
  const took = `${attempts > 1 ? sent : `${sent} after`} ${span(durationMs)}${parts}`
  return `ended with ${outcomeOf(record)}${took}${whyOf(record)}${saidIn(record)}${endOf(record)}${toDo(verdict)}`
}

const retry = ({ waitMs, by, message }: RetryRecord): string =>
  `sent again ${waitMs < 1 ? 'as soon as it may' : `in ${span(waitMs)} at the earliest`} (${by}: ${message})`

const limitOf = ({ limit, previous, queued, message }: LimitRecord): string => {
  const what =
    limit === previous ? 'calls wait but for single ones' : `${plural(limit, 'call')} at once instead of ${previous}`
  return `${what}${queued ? `, ${queued} in line` : ''} (${message})`
}

/** A record in one line, for people. */
export const sentence = (record: LogRecord): string => {
  const { event, key, method, endpoint, message } = record
  if (event === 'attempt') return `${method} ${endpoint}: ${attempt(record)}`
  if (event === 'call') return `${method} ${endpoint}: ${call(record)}`
  if (event === 'retry') return `${method} ${endpoint}: ${retry(record)}`
  if (event === 'limit') return `${key}: ${limitOf(record)}`
  if (event === 'hold') return `${key}: all calls wait for ${span(record.waitMs)} (${record.by}: ${message})`
  const about = record.message.includes(key) ? '' : `${key}: `
  return `${about}${message} (alert of ${record.by}: ${record.condition})${toDo(record.condition)}`
}
