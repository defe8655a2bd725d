import type { Limits } from '@aplomb/limits'

/** What an answer (or the lack of one) means for the caller. */
export type VerdictKind =
  /** Served. */
  | 'ok'
  /** Served, and there is nothing: 204, or 404 on a route named in `lookups`. */
  | 'empty'
  /** The request is wrong. */
  | 'invalid'
  /** The request is well formed, its data is not acceptable. */
  | 'unprocessable'
  /** The credentials are missing, wrong or expired. */
  | 'unauthenticated'
  /** The credentials do not allow this. */
  | 'forbidden'
  /** No such resource. */
  | 'missing'
  /** The resource is in another state than the request expects. */
  | 'conflict'
  /** Money or the state of a payment stands in the way. */
  | 'billing'
  /** An allowance (a day's, a month's, the plan's credits) is used up. */
  | 'quota-exhausted'
  /** Too many requests in a window of time. */
  | 'rate-limited'
  /** Too many requests in flight, or somebody holds a lock. */
  | 'concurrency-limited'
  /** The server cannot keep up, whoever asks. */
  | 'overloaded'
  /** The server failed. */
  | 'server-error'
  /** No answer: the connection failed. */
  | 'network'
  /** No answer in time. */
  | 'timeout'
  /** The caller gave up. */
  | 'aborted'
  /** Anything else. */
  | 'unknown'

/** What is to be done about it. */
export type Action =
  /** Nothing: use the answer. */
  | 'use'
  /** Change the request, the key, the plan, the data: sending it again will not help. */
  | 'fix'
  /** Pay, or wait for the next period. */
  | 'pay'
  /** Wait, then send again. */
  | 'wait'
  /** Have fewer requests in flight. */
  | 'slow-down'
  /** Send again, after a pause. */
  | 'retry'
  /** Do not send again. */
  | 'stop'

/** The one judgement of an answer that every layer reads. */
export interface Verdict {
  readonly kind: VerdictKind
  readonly action: Action
  /** Whether the same request may succeed later. Whether it is also safe to repeat depends on the method, see `refused`. */
  readonly retryable: boolean
  /**
   * The server refused before it did anything, so that even a POST may be sent again: 429, 421 or 425; 503 with a wait
   * in a header; `x-should-retry: true` and its kin as a header; a concurrency header at its ceiling; or a limit that
   * one of your `rules` has found in an answer below 400.
   */
  readonly refused: boolean
  /** No answer, and nothing has reached the server: refused, unreachable, not found, not connected in time. So even a POST may be sent again. */
  readonly unsent?: boolean | undefined
  /**
   * Bare prose has told this, on a status that speaks neither of limits nor of money; or it is a host that was not
   * found. It sets the kind and a wait, concerns this call alone, and permits at most one counted repetition of it, if
   * it is safe to send again: it never pauses a key, never puts a call back in line, never trips the meter.
   */
  readonly tentative: boolean
  /** The server's explicit word, where it gave one: `x-should-retry` and its kin. */
  readonly hint?: boolean | undefined
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number | undefined
  /** What the API says to humans. */
  readonly message?: string | undefined
  /** What the API says to programs: its error code. */
  readonly code?: string | undefined
  /** What to tell the API's support. */
  readonly requestId?: string | undefined
  /** How long to wait, in milliseconds from receipt. Absent when the server does not say. */
  readonly retryAfterMs?: number | undefined
  /** The same as a moment of the local clock. */
  readonly retryAt?: Date | undefined
  /** What the verdict was read from, with everything else the answer says about limits. */
  readonly limits: Limits
  /** The sign that decided: "429, x-concurrent-threads-active 3 of 3". */
  readonly evidence: string
}

/** What is known of an answer before its body is looked at. */
export interface Head {
  readonly status: number
  /** The URL of the request, else of the response; empty when neither is known. */
  readonly url: string
  /** A header's value by its lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly limits: Limits
}

/** An answer with its body, as far as that was read. */
export interface Answer extends Head {
  /** The beginning of the body, at most `peekBytes`. Empty if it was not read. */
  readonly text: string
  /** The body as JSON, or what could be saved of it. Undefined if it is something else. */
  readonly json: unknown
  readonly message?: string | undefined
  /** Every error code in header and body, as sent. */
  readonly codes: readonly string[]
  /** All human text in the body. */
  readonly words: string
  readonly requestId?: string | undefined
  /** Whether the body says that sending again may help. */
  readonly hint?: boolean | undefined
}

/** What a sign says. What is left out follows from the kind. */
export interface Finding {
  readonly kind: VerdictKind
  /** The sign, in a few words: `code "RATELIMITED"`. */
  readonly sign: string
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly retryable?: boolean | undefined
  readonly retryAfterMs?: number | undefined
}

/** A finding, with what told it where that decides how far it is believed. */
export interface Decision extends Finding {
  readonly by?: 'ceiling' | 'prose' | 'rule' | undefined
}

/** Knowledge about one kind of API. Asked before everything else, in the order given. */
export interface Rule {
  readonly name: string
  /**
   * Whether the body of this answer is to be read although its status says that all is well. If it fails, it is not.
   * @default never
   */
  readonly reads?: ((head: Head) => boolean) | undefined
  /** What the answer means, or undefined to leave it to others, as if it fails. Also sees every answer from status 400 on. */
  readonly judge: (answer: Answer) => Finding | undefined
}
