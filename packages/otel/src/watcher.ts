import type { CallEvent, Verdict, WaitKind } from '@aplomb/pipeline'
import type { Context } from '@opentelemetry/api'
import type { End, Failure } from './subject.ts'

/** What came of an attempt or a call. Times are epoch milliseconds, on a clock that nobody sets while the call runs. */
export interface Outcome {
  readonly end: End
  readonly verdict: Verdict
  readonly failure: Failure | undefined
  readonly startedAt: number
  readonly endedAt: number
  /** Credits, if known. */
  readonly cost: number | undefined
}

export interface Sent {
  /** 1 for the first. */
  readonly number: number
  readonly request: Request
  readonly startedAt: number
}

/** One request that was sent. */
type Attempt = Sent & Outcome

/** Is told what happens to a call. What it throws is reported and dropped. */
export interface Watcher {
  /** For whatever is below the call. */
  readonly context?: Context
  /** A request goes out. Gives the context for what is below. */
  send(sent: Sent): Context | void
  /** A request is no longer out. */
  land?(): void
  waited(kind: WaitKind, startedAt: number, ms: number): void
  attempt(attempt: Attempt): void
  credits?(cost: number | undefined, left: number | undefined): void
  /** All events that are neither attempts nor credits. */
  event(event: CallEvent, at: number): void
  end(outcome: Outcome): void
}
