import type { VerdictKind } from '@aplomb/pipeline'
import type { ErrorRecord } from '@aplomb/redact'

/** How urgent a record is. */
export type Level = 'info' | 'warn' | 'error'

/** What every record tells. All texts are redacted. */
export interface BaseRecord {
  readonly level: Level
  /** When it happened, in ISO 8601: an attempt is stamped with when it was sent. */
  readonly timestamp: string
  /** The call's id: the same for all its records. */
  readonly call: string
  /** The partition that holds, limits and budgets are kept by. */
  readonly key: string
  readonly method: string
  /** The URL's path, with `:id` for what differs from call to call. */
  readonly endpoint: string
  readonly url: string
}

/** Where the time went, in milliseconds. */
export interface Times {
  /** All of it. */
  readonly durationMs: number
  /** Before sending: the next three together. */
  readonly waitMs: number
  /** Waiting for a free slot. */
  readonly queueMs: number
  /** Waiting because the server said when to come back. */
  readonly holdMs: number
  /** Waiting because a failed attempt is not repeated at once. */
  readonly backoffMs: number
  /** From sending to the response's headers, or to the failure. */
  readonly headersMs: number
}

/** How it ended, and why that was understood the way it was. */
export interface Outcome {
  readonly status?: number | undefined
  readonly verdict: VerdictKind
  /** The sign that decided: "429, x-concurrent-threads-active 3 of 3". */
  readonly evidence: string
  /** What the server said, or the error's message. */
  readonly message?: string | undefined
  /** The server's code for it. */
  readonly code?: string | undefined
  readonly requestId?: string | undefined
  /** The beginning of the body, of a 5xx. */
  readonly body?: string | undefined
  /** If there was no response. */
  readonly error?: ErrorRecord | undefined
  /** If known. */
  readonly creditsUsed?: number | undefined
}

/** One request that was sent. */
export interface AttemptRecord extends BaseRecord, Times, Outcome {
  readonly event: 'attempt'
  /** 1 for the first. */
  readonly attempt: number
  /** What happens next: it is sent again, or the caller gets the answer, or the error. */
  readonly next: 'retry' | 'return' | 'throw'
  /** If it waited in line: how many did, itself included, when it joined, and how many were allowed at once. */
  readonly queued?: number | undefined
  readonly limit?: number | undefined
  /** Headers known to be harmless, of attempts that failed. */
  readonly requestHeaders?: Readonly<Record<string, string>> | undefined
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined
}

/** The decision to send again. */
export interface RetryRecord extends BaseRecord {
  readonly event: 'retry'
  /** The attempt that failed. */
  readonly attempt: number
  /** The middleware that decided. */
  readonly by: string
  readonly message: string
  /** How long from now. */
  readonly waitMs: number
}

/** One call, with all its attempts. Times and credits are sums. */
export interface CallRecord extends BaseRecord, Times, Outcome {
  readonly event: 'call'
  /** How many attempts it took. */
  readonly attempt: number
  /** Who ended retrying, and why. */
  readonly gaveUp?: string | undefined
}

/** A whole key waits: none of its calls is sent. `call` and what stands beside it are of the call that was told so. */
export interface HoldRecord extends BaseRecord {
  readonly event: 'hold'
  /** The middleware that holds. */
  readonly by: string
  /** Why. */
  readonly message: string
  /** How long from now. */
  readonly waitMs: number
}

/** Fewer calls of a key at once than before, or as many again; or no others, and calls wait for the reason in `message`. */
export interface LimitRecord extends BaseRecord {
  readonly event: 'limit'
  readonly limit: number
  /** The one that was told before. */
  readonly previous: number
  /** Calls in line. */
  readonly queued?: number | undefined
  /** Why. */
  readonly message: string
}

/** Somebody should look. */
export interface AlertRecord extends BaseRecord {
  readonly event: 'alert'
  readonly by: string
  readonly condition: string
  readonly message: string
}

/** Everything that is logged, told apart by `event`. */
export type LogRecord = AttemptRecord | RetryRecord | CallRecord | HoldRecord | LimitRecord | AlertRecord
