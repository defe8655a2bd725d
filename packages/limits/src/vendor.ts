import type { VerdictKind } from '@aplomb/pipeline'

export type { HeaderRow } from './rows.ts'

/** What an error code means. */
export interface CodeRow {
  /** Over the code in lower case without any punctuation: `Too_Many.Requests` is `toomanyrequests`. */
  readonly code: RegExp
  readonly kind: VerdictKind
  /** The statuses it counts on. @default all from 400 on, and 200 for rules */
  readonly on?: readonly number[] | undefined
  /** Another code that has to be there, in the same spelling. */
  readonly beside?: RegExp | undefined
  /** Used for more than one sort of limit: the words of the message may tell which. */
  readonly vague?: boolean | undefined
  /** Of a window, whatever period the words name. */
  readonly anyPeriod?: boolean | undefined
}

/** What a wording means. Only asked where no code has decided. */
export interface WordRow {
  readonly words: RegExp
  readonly kind: VerdictKind
  readonly on: readonly number[]
  /** All of these must be there as well, */
  readonly with?: RegExp | undefined
  /** and none of these. */
  readonly without?: RegExp | undefined
  /** Of the periods that are named, one has to be short (an hour at most); none may be; or none may be, and one has to be long. */
  readonly period?: 'short' | 'none-short' | 'long' | undefined
  /** Means a rate where the server names a wait, of a minute or of an hour at most; and where a code names a rate. */
  readonly soft?: 'short-wait' | 'wait' | 'code' | undefined
  readonly retryable?: boolean | undefined
}

/** A message that means something beside one of these headers. */
export interface PlanRow extends Pick<WordRow, 'words' | 'kind' | 'on'> {
  readonly beside: readonly string[]
}

/** An object in a body that describes a limit in points: the names of its members. */
export interface BodyRow {
  /** The key it stands under. */
  readonly key: string
  readonly name: string
  readonly remaining: string
  readonly limit?: string | undefined
  /** Seconds. */
  readonly reset?: string | undefined
  /** What this call took. */
  readonly cost?: string | undefined
  /** How many points come back each second. */
  readonly perSecond?: string | undefined
  /** How many points this call has asked for; beside the key. */
  readonly asked?: string | undefined
}

/** Numbers that mean something only in their own envelope. */
export interface EnvelopeRow {
  /** The path of the number. */
  readonly code: string
  /** Whose it is: the code is read as `as:4`. */
  readonly as: string
  /** Paths of what gives the envelope away, and patterns over the JSON of what is there: one is enough. */
  readonly where: Readonly<Record<string, RegExp>>
}

/** Headers that say what went wrong, whatever the status. Each of them is a `reason` among the vendor's `headers`, too. */
export interface ErrorHeaderRow {
  readonly codes: readonly string[]
  readonly messages: readonly string[]
  /** What codes mean that are not known in general; each status below 400 is a 200. */
  readonly kinds: readonly CodeRow[]
}

/** Answers with status 200 that name their outcome, for a rule of `classify`. */
export interface OutcomeRow {
  readonly rule: string
  /** The member that names it. */
  readonly key: string
  /** The member that is `false` where there is an outcome to read. @default always */
  readonly flag?: string | undefined
  /** The member with the text for humans. */
  readonly message?: string | undefined
  readonly kinds: Readonly<Record<string, VerdictKind>>
  /** What all others mean. @default that nothing is wrong */
  readonly otherwise?: VerdictKind | undefined
}
