import {
  type AlertEvent,
  type AttemptEvent,
  type Call,
  type CallEvent,
  clock,
  type EventListener,
  type HoldEvent,
  isMoney,
  KINDS,
  peekedBody,
  type QueueEvent,
  type RetryEvent,
  type Verdict,
  verdictOf,
  verdictOfError,
} from '@aplomb/pipeline'
import { describeError, originOf, type Redactor } from '@aplomb/redact'
import type { News } from './news.ts'
import type { AttemptRecord, BaseRecord, Level, LogRecord, Outcome, Times } from './record.ts'
import type { Output } from './sink.ts'

/** How an attempt or a call ended. */
export type End = { readonly response: Response } | { readonly error: unknown }

/** An attempt whose record waits for its verdict, and for what happens next. */
interface Pending {
  readonly event: AttemptEvent
  /** If it waited in line. */
  readonly joined: QueueEvent | undefined
  creditsUsed: number | undefined
}

/** Writes down what happens to one call. */
export interface Diary {
  readonly hear: EventListener
  end(how: End): void
}

/** What diaries are written with. */
export interface Desk {
  readonly output: Output
  readonly redactor: Redactor
  readonly endpoint: (request: Request) => string
  /** What is told of a key, whichever call hears of it. */
  readonly newsOf: (key: string) => News
}

const BODY_CHARS = 2000

const round = (ms: number): number => Math.round(ms * 10) / 10

const timesOf = (queue: number, hold: number, backoff: number, headers: number, duration?: number): Times => {
  const waitMs = round(queue + hold + backoff)
  return {
    durationMs: round(duration ?? waitMs + headers),
    waitMs,
    queueMs: round(queue),
    holdMs: round(hold),
    backoffMs: round(backoff),
    headersMs: round(headers),
  }
}

const levelOf = ({ kind }: Verdict, failed: Level): Level => {
  const { owner, money } = KINDS[kind]
  if (owner === undefined) return 'info'
  return money ? 'error' : failed
}

export const newDiary = (call: Call, request: Request, { output, redactor, endpoint, newsOf }: Desk): Diary => {
  const began = performance.now()
  const sums = { queue: 0, hold: 0, backoff: 0, headers: 0 }
  let credits: number | undefined
  let pending: Pending | undefined
  const notes: LogRecord[] = []
  let line: { readonly event: QueueEvent; readonly joinedAt: number } | undefined
  let ended = false

  let subject: Omit<BaseRecord, 'level' | 'timestamp'> | undefined
  const base = (level: Level, at: number): BaseRecord => {
    // The same for all records of a call, and dear to make.
    subject ??= {
      call: call.id,
      key: call.key === originOf(request.url) ? call.key : redactor.text(call.key),
      method: request.method,
      endpoint: redactor.text(endpoint(request)),
      url: redactor.url(request.url),
    }
    return { level, timestamp: new Date(at).toISOString(), ...subject }
  }

  const shown = (key: string): string => (key === call.key ? base('info', 0).key : redactor.text(key))

  const verdictFor = (how: End): Verdict => {
    if ('response' in how) return verdictOf(how.response)
    // Our own deadline is no abort of the caller's.
    const signal = clock() >= call.deadline ? undefined : call.signal
    return verdictOfError(how.error, { signal, request })
  }

  const outcomeOf = (how: End, verdict: Verdict, creditsUsed: number | undefined): Outcome => {
    const { kind, evidence, message, code, requestId, status } = verdict
    const error = 'error' in how ? describeError(how.error, redactor) : undefined
    const said = message ?? error?.message
    return {
      status,
      verdict: kind,
      evidence: redactor.text(evidence),
      ...(said && { message: redactor.text(said) }),
      ...(code !== undefined && { code: redactor.text(code) }),
      ...(requestId !== undefined && { requestId: redactor.id(requestId) }),
      ...(error && { error }),
      ...(creditsUsed !== undefined && { creditsUsed }),
    }
  }

  const endOf = ({ response, error }: AttemptEvent): End => (response ? { response } : { error })

  const writeAttempt = ({ event, joined, creditsUsed }: Pending, next: AttemptRecord['next']): void => {
    const end = endOf(event)
    const verdict = verdictFor(end)
    const level = levelOf(verdict, 'warn')
    const cost = creditsUsed ?? verdict.limits.credits?.cost
    if (creditsUsed === undefined && cost !== undefined) credits = (credits ?? 0) + cost
    if (!output.wants('attempt', level)) return
    const { queueMs, holdMs, backoffMs, headersMs } = event
    const text = event.response && event.response.status >= 500 ? peekedBody(event.response) : undefined
    const record: AttemptRecord = {
      event: 'attempt',
      ...base(level, event.sentAt),
      attempt: event.attempt,
      ...timesOf(queueMs, holdMs, backoffMs, headersMs),
      ...outcomeOf(end, verdict, cost),
      next,
      ...(joined && { queued: joined.queued, limit: joined.limit }),
      ...(text && { body: redactor.text(text, BODY_CHARS) }),
      ...(level !== 'info' && {
        requestHeaders: redactor.headers(event.request.headers),
        ...(event.response && { responseHeaders: redactor.headers(event.response.headers) }),
      }),
    }
    output.write(record)
  }

  const flush = (next: AttemptRecord['next']): void => {
    if (!pending) return
    const known = pending
    pending = undefined
    writeAttempt(known, next)
    for (const note of notes.splice(0)) output.write(note)
  }

  /** What concerns the whole key, after the attempt that has shown it. */
  const tell = (record: LogRecord): void => {
    if (pending) notes.push(record)
    else output.write(record)
  }

  const about = (key: string, level: Level): BaseRecord => ({ ...base(level, Date.now()), key: shown(key) })

  const tellLimit = (key: string): void => {
    const change = newsOf(key).due()
    if (!change) return
    const { reason, ...figures } = change
    const level = change.limit > change.previous ? 'info' : 'warn'
    if (output.wants('limit', level))
      tell({ event: 'limit', ...about(key, level), ...figures, message: redactor.text(reason) })
  }

  const tellHold = ({ key, waitMs, by, reason, pacing }: HoldEvent): void => {
    const level = pacing ? 'info' : 'warn'
    if (!newsOf(key).hold(waitMs) || !output.wants('hold', level)) return
    const texts = { by: redactor.text(by), message: redactor.text(reason) }
    tell({ event: 'hold', ...about(key, level), ...texts, waitMs: round(waitMs) })
  }

  const tellAlert = (event: AlertEvent): void => {
    const { key, by, condition, message } = event
    const level = isMoney(condition) ? 'error' : 'warn'
    if (!newsOf(key).alert(event) || !output.wants('alert', level)) return
    const texts = { by: redactor.text(by), condition: redactor.text(condition), message: redactor.text(message) }
    tell({ event: 'alert', ...about(key, level), ...texts })
  }

  const tellRetry = ({ attempt, by, reason, waitMs }: RetryEvent): void => {
    flush('retry')
    if (!output.wants('retry', 'warn')) return
    const texts = { by: redactor.text(by), message: redactor.text(reason) }
    output.write({ event: 'retry', ...base('warn', Date.now()), attempt, ...texts, waitMs: round(waitMs) })
  }

  const hearAttempt = (event: AttemptEvent): void => {
    flush('retry')
    redactor.learn(event.request)
    pending = { event, joined: line?.event, creditsUsed: undefined }
    line = undefined
    sums.queue += event.queueMs
    sums.hold += event.holdMs
    sums.backoff += event.backoffMs
    sums.headers += event.headersMs
    tellLimit(call.key)
  }

  const hear = (event: CallEvent): void => {
    if (event.type === 'attempt') hearAttempt(event)
    else if (event.type === 'queue') line = { event, joinedAt: clock() }
    else if (event.type === 'retry') tellRetry(event)
    else if (event.type === 'hold') tellHold(event)
    else if (event.type === 'alert') tellAlert(event)
    else if (event.type === 'limit') {
      newsOf(event.key).limit(event)
      tellLimit(event.key)
    } else if (event.type === 'credits') {
      credits = (credits ?? 0) + event.cost
      if (pending) pending.creditsUsed = (pending.creditsUsed ?? 0) + event.cost
    }
  }

  const end = (how: End): void => {
    if (ended) return
    ended = true
    flush('response' in how ? 'return' : 'throw')
    // It left the line without being sent.
    if (line) sums.queue += clock() - line.joinedAt
    const verdict = verdictFor(how)
    const level = levelOf(verdict, 'error')
    if (!output.wants('call', level)) return
    const { gaveUp } = call
    output.write({
      event: 'call',
      ...base(level, Date.now()),
      attempt: call.attempt,
      ...timesOf(sums.queue, sums.hold, sums.backoff, sums.headers, performance.now() - began),
      ...outcomeOf(how, verdict, credits),
      ...(gaveUp && { gaveUp: redactor.text(`${gaveUp.by}: ${gaveUp.reason}`) }),
    })
  }

  return { hear, end }
}
