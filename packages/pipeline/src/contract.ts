import type { CallEvent, EventListener } from './events.ts'

/** Sends a request on: to the middleware below or, at the bottom, to the network. May be called again. */
export type Next = (request: Request) => Promise<Response>

/** The one shape of the house: see the request, call `next` zero or more times, answer with a Response. */
export type Middleware = (request: Request, next: Next) => Promise<Response>

/** What is asked of a server, as far as state is kept by it. */
export interface RequestLine {
  readonly method: string
  /** As a Request shows it. */
  readonly url: string
}

/** A request on its way down: all that most middlewares need of it. */
export interface Outgoing extends RequestLine {
  /** To be changed only on the Request itself. */
  readonly headers: Pick<Headers, 'get' | 'has' | 'forEach'>
  /** What plain middlewares see. It costs more than all the rest of a call, and is made when somebody asks for it. */
  readonly request: Request
}

/** What any `fetch` is. Not `typeof fetch`: runtimes add members of their own to theirs (Bun: `preconnect`). */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Where a call has spent time before an attempt was sent. */
export type WaitKind = 'queue' | 'hold' | 'backoff'

/**
 * What a call takes of limits that do not count requests: the same of each, or by their unit (`tokens`, `points`, `credits`),
 * or by their name, where several are of one unit (`input-tokens`).
 */
export type Weight = number | Readonly<Record<string, number | GradualWeight>>

/** What a server counts in two steps: when the request arrives, and as it is answered (the output of a language model). */
export interface GradualWeight {
  readonly onArrival: number
  readonly later: number
}

/** An answer of use, and how to say what its request took in truth. */
export interface WeighedAnswer {
  /** The one that was weighed. */
  readonly request: Request
  /** Nobody has read it. */
  readonly response: Response
  /** Takes the place of the estimate: before {@link Weigher.answered} returns, if a header tells, or as the body is read. */
  readonly settle: (weight: Weight) => void
}

/**
 * Says what a call takes of limits that do not count requests; and afterwards, if it can, what it took. One that can is asked
 * again while the call waits, with the same request.
 */
export interface Weigher {
  (request: Request, text: string | undefined): Weight | undefined
  /** Sees each answer of use before anybody reads it. */
  readonly answered?: ((answer: WeighedAnswer) => void) | undefined
}

/** Why a call is not tried again. */
export interface GiveUp {
  /** The middleware that decided. */
  readonly by: string
  /** A short sentence: "waits 3600 s, maxWaitMs is 60 s". */
  readonly reason: string
}

/** The few facts that the middlewares of one call share. */
export interface Call {
  /** Unique in this process. */
  readonly id: string
  /** The partition this call belongs to: all state is kept per key. @default the URL's origin */
  readonly key: string
  /** When the call began, in epoch milliseconds. */
  readonly startedAt: number
  /** The request that was handed to the inner fetch last: a middleware may have put another in the place of the caller's. */
  readonly sent: Outgoing | undefined
  /** How often a request of this call was handed to the inner fetch so far. */
  readonly attempt: number
  /** When it passed a door for the first time, on the `clock`. */
  firstSentAt: number | undefined
  /** How many of those attempts count against a `maxAttempts`: all but the {@link Call.excuse | excused} ones. */
  readonly counted: number
  /** Fires when the caller aborts or the deadline passes. Every wait listens to it. Made when somebody asks for it. */
  readonly signal: AbortSignal
  /** Whether it may fire. */
  readonly canAbort: boolean
  /** Whether that has fired, without making one. */
  readonly aborted: boolean
  /** When the call's `timeoutMs` is used up, on the pipeline's `clock`. `Infinity` without one. */
  readonly deadline: number
  /** Whether the request can be sent again. False for one-shot bodies: hand the answer on instead of retrying. */
  readonly canReplay: boolean
  /**
   * Whether the request may be sent again although the server may have carried it out: an idempotent method, a key that
   * tells repetitions apart, the option `repeatable`, or the mark of a client library that repeats it by itself.
   * Otherwise it may be only if the server refused before processing, or never had it.
   */
  repeatable: boolean
  /** How urgent it is, from 0, the most urgent, to 7 (RFC 9218): who goes first where calls wait. @default 3 */
  readonly urgency: number
  /**
   * What it takes of limits that do not count requests, as the option `weight` says: asked once, or, where that learns from
   * answers, whenever it matters. @default undefined (unknown)
   */
  readonly weight: Weight | undefined
  /** Shows an answer to the option `weight`. `settle` hears what the request took in truth, if that is found out. */
  weighs(response: Response, settle: (weight: Weight) => void): void
  /** Whether a middleware of this call has said, with {@link Call.repeats}, that it sends failed requests again. */
  readonly repeating: boolean
  /** Set once a middleware has decided that this call is over: nobody else retries. */
  readonly gaveUp: GiveUp | undefined
  /** Whether anybody listens to events. Ask before building a costly one. */
  readonly observed: boolean
  /**
   * A time limit for each attempt, from sending to response headers, in milliseconds. The attempt then rejects with
   * a `TimeoutError`. @default undefined (none)
   */
  attemptTimeoutMs: number | undefined
  /** How often it may be sent for failures of its own. Backoff-jitter sets its option. @default 4 */
  maxAttempts: number
  /** The same, as whoever carries the requests of this call allows it, whatever the middlewares say. @default Infinity */
  maxCarried: number
  /**
   * How many milliseconds a wait that begins now may last: until the deadline and, once the call has been sent, for as
   * long as its waits since then stay within `maxTotalWaitMs`.
   */
  mayWaitMs(): number
  /** For how long it has waited in another line before, in milliseconds: that counts as if it had been here. @default 0 */
  linedUpMs?: number
  /** How long it may wait in all once it has been sent, in milliseconds. */
  readonly maxTotalWaitMs: number
  /** Whether a wait of this many milliseconds may be begun. */
  fits(waitMs: number): boolean
  /**
   * Notes time spent waiting, for the next `attempt` event. Of a call that was not sent yet, `behindMs` of it were
   * spent behind others that were refused, and count as if it had been refused itself.
   */
  waited(kind: WaitKind, ms: number, behindMs?: number): void
  /** Takes the last attempt out of `counted`: the server refused it for a reason that is not this call's failure. */
  excuse(): void
  /**
   * For a middleware that sends failed requests again, as the call begins. If this call is sent by another one whose
   * middlewares do so already, it has given up from the start: they add up, and never multiply.
   */
  repeats(): void
  /** Ends retrying, for every middleware of this call and of the one that it is sent by, if there is one. */
  giveUp(by: string, reason: string): void
  /** Tells the listeners. What they throw is reported and dropped. */
  emit(event: CallEvent): void
  /** Listens to this call's events until it ends, or until the returned function is called. */
  on(listener: EventListener): () => void
}
