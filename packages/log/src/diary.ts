import { classifyError, peekedBody, verdictOf, type Verdict, type VerdictKind } from '@aplomb/classify'
import { type AttemptEvent, type Call, type CallEvent, clock, type EventListener } from '@aplomb/pipeline'
import { describeError, originOf, type Redactor } from '@aplomb/redact'
import type { AttemptRecord, BaseRecord, Level, Outcome, Times } from './record.ts'
import type { Output } from './sink.ts'

/** How an attempt or a call ended. */
export type End = { readonly response: Response } | { readonly error: unknown }

/** An attempt whose record waits for its verdict, and for what happens next. */
interface Pending {
  readonly event: AttemptEvent
  creditsUsed: number | undefined
}

/** Writes down what happens to one call. */
export interface Diary {
  readonly hear: EventListener
  end(how: End): void
}

const GOOD: ReadonlySet<VerdictKind> = new Set<VerdictKind>(['ok', 'empty', 'aborted'])
const MONEY: ReadonlySet<VerdictKind> = new Set<VerdictKind>(['billing', 'quota-exhausted'])

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
  if (GOOD.has(kind)) return 'info'
  return MONEY.has(kind) ? 'error' : failed
}

export const newDiary = (
  call: Call,
  request: Request,
  { output, redactor, endpoint }: { output: Output; redactor: Redactor; endpoint: (request: Request) => string },
): Diary => {
  const began = performance.now()
  const sums = { queue: 0, hold: 0, backoff: 0, headers: 0 }
  let credits: number | undefined
  let pending: Pending | undefined
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

  const verdictFor = (how: End): Verdict => {
    if ('response' in how) return verdictOf(how.response)
    // Our own deadline is no abort of the caller's.
    const signal = clock() >= call.deadline ? undefined : call.signal
    return classifyError(how.error, { signal, request })
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

  const flush = (next: AttemptRecord['next']): void => {
    if (!pending) return
    const { event } = pending
    const end = endOf(event)
    const verdict = verdictFor(end)
    const level = levelOf(verdict, 'warn')
    const cost = pending.creditsUsed ?? verdict.limits.credits?.cost
    if (pending.creditsUsed === undefined && cost !== undefined) credits = (credits ?? 0) + cost
    pending = undefined
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
      ...(text && { body: redactor.text(text, BODY_CHARS) }),
      ...(level !== 'info' && {
        requestHeaders: redactor.headers(event.request.headers),
        ...(event.response && { responseHeaders: redactor.headers(event.response.headers) }),
      }),
    }
    output.write(record)
  }

  const hear = (event: CallEvent): void => {
    if (event.type === 'attempt') {
      flush('retry')
      pending = { event, creditsUsed: undefined }
      sums.queue += event.queueMs
      sums.hold += event.holdMs
      sums.backoff += event.backoffMs
      sums.headers += event.headersMs
    } else if (event.type === 'credits') {
      credits = (credits ?? 0) + event.cost
      if (pending) pending.creditsUsed = (pending.creditsUsed ?? 0) + event.cost
    } else if (event.type === 'retry') {
      flush('retry')
      if (!output.wants('retry', 'warn')) return
      const { attempt, by, waitMs } = event
      const message = redactor.text(event.reason)
      output.write({ event: 'retry', ...base('warn', Date.now()), attempt, by, message, waitMs: round(waitMs) })
    }
  }

  const end = (how: End): void => {
    if (ended) return
    ended = true
    flush('response' in how ? 'return' : 'throw')
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
