import type { Limits, VerdictKind } from '@aplomb/pipeline'

/** What is known of an answer before its body is looked at. */
export interface Head {
  readonly status: number
  /** The URL of the request, else of the response; empty when neither is known. */
  readonly url: string
  /** A header's value by its lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly limits: Limits
  /** A header that only somebody in front of the API sends. */
  readonly foreign?: string | undefined
}

/** An answer with its body, as far as that was read. */
export interface Answer extends Head {
  /** The beginning of the body, at most `peekBytes`. Empty if it was not read. */
  readonly text: string
  /** A wait that the body names, in milliseconds. */
  readonly waitMs?: number | undefined
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
