/**
 * One attempt has been answered or has failed. Emitted by the transport, before anybody has judged the answer. `request`,
 * `response` and `error` may hold secrets: they are not enumerable, so that who prints the event does not print them.
 */
export interface AttemptEvent {
  readonly type: 'attempt'
  readonly call: string
  readonly key: string
  /** 1 for the first. */
  readonly attempt: number
  readonly request: Request
  readonly response?: Response | undefined
  readonly error?: unknown
  /** When it was sent, in epoch milliseconds. */
  readonly sentAt: number
  /** Milliseconds spent before this attempt, since the one before: in the gate's queue, in a hold, backing off. */
  readonly queueMs: number
  readonly holdMs: number
  readonly backoffMs: number
  /** Milliseconds from sending to response headers (or to the failure). */
  readonly headersMs: number
}

/** The call will be sent again after a wait. */
export interface RetryEvent {
  readonly type: 'retry'
  readonly call: string
  readonly key: string
  /** The middleware that decided. */
  readonly by: string
  /** The attempt that failed. */
  readonly attempt: number
  /** The verdict's kind and evidence: "server-error: 500". */
  readonly reason: string
  readonly waitMs: number
}

/** A whole key is on hold: nobody sends until it ends. */
export interface HoldEvent {
  readonly type: 'hold'
  readonly call: string
  readonly key: string
  readonly by: string
  readonly reason: string
  /** How long from now, in milliseconds. */
  readonly waitMs: number
  /** Whether nobody was refused: what the server has announced is used up, and calls wait for its reset. */
  readonly pacing?: boolean | undefined
}

/** The call waits for a free slot. */
export interface QueueEvent {
  readonly type: 'queue'
  readonly call: string
  readonly key: string
  /** Calls waiting, this one included. */
  readonly queued: number
  readonly active: number
  readonly limit: number
}

/** The number of calls allowed at once has changed; or it is what it was, and calls wait for the reason that is given. */
export interface LimitEvent {
  readonly type: 'limit'
  readonly call: string
  readonly key: string
  readonly limit: number
  readonly previous: number
  readonly reason: string
  /** Calls waiting. */
  readonly queued?: number | undefined
}

/** An attempt was charged. */
export interface CreditsEvent {
  readonly type: 'credits'
  readonly call: string
  readonly key: string
  readonly endpoint: string
  readonly cost: number
  /** Spent in this period so far, this attempt included. */
  readonly spent: number
  /** What is left of the budget or the balance, if known. */
  readonly left?: number | undefined
}

/** Somebody should look: credits run out, an account is blocked. */
export interface AlertEvent {
  readonly type: 'alert'
  readonly call: string
  readonly key: string
  readonly by: string
  /** The condition, e.g. `billing`, `quota-exhausted`, `threshold`. */
  readonly condition: string
  readonly message: string
}

/** No more attempts: the caller gets the last answer or error. */
export interface GiveUpEvent {
  readonly type: 'give-up'
  readonly call: string
  readonly key: string
  readonly by: string
  readonly reason: string
  readonly attempt: number
}

/** Everything that happens to a call, told apart by `type`. `call` is the {@link Call.id}. */
export type CallEvent =
  | AttemptEvent
  | RetryEvent
  | HoldEvent
  | QueueEvent
  | LimitEvent
  | CreditsEvent
  | AlertEvent
  | GiveUpEvent

/** Gets every event. Returns nothing, and cannot break a call. */
export type EventListener = (event: CallEvent) => void
