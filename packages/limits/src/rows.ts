import type { TimeUnit } from './values.ts'

/** What a header's value can stand for. */
export const MEANINGS = [
  /** A wait that the server asks for. */
  'retry-after',
  /** One window: what it allows, what is left, what was used, when it resets, how long it is, what it is called. */
  'limit',
  'remaining',
  'used',
  'reset',
  'window',
  'label',
  /** Both in one, `32/40`, also behind a key: `api-usage=18/5000`. */
  'used/limit',
  /** `total=100; remaining=99; resets=41`. */
  'fields',
  /** Meta's JSON of percentages. */
  'percentages',
  /** The share of a window that is used up, from 0 to 1. */
  'utilization',
  /** The IETF fields, JSON, `key 1500/2000 reset=28s`, or a bare limit under the same name. */
  'ratelimit',
  'policy',
  'concurrency-limit',
  'concurrency-active',
  'concurrency-remaining',
  'cost',
  'credits-remaining',
  'credits-limit',
  'credits-used',
  /** The server's word for which limit was hit. */
  'reason',
] as const

/** What a header's value stands for. */
export type Meaning = (typeof MEANINGS)[number]

/** One header (or family of headers) and what it means. */
export interface HeaderRow {
  /** The lower-case name, or a pattern over it whose group `name`, if any, is the window's name. */
  readonly header: string | RegExp
  readonly means: Meaning
  /** How a bare number of a wait, reset or window is read. @default 'auto' */
  readonly unit?: TimeUnit | undefined
  /** The window (or concurrency scope) this header speaks of. */
  readonly name?: string | undefined
  /** Headers of one group describe one window. @default the family the name belongs to, else the row's `name` */
  readonly group?: string | undefined
  /** The length of the window(s), where only the documentation tells. Several: one for each value of a list. */
  readonly windowMs?: number | readonly number[] | undefined
  /** What the window counts. @default requests */
  readonly counts?: string | undefined
  /** The same wait as `Retry-After`, only finer: it counts where `Retry-After` is what comes of rounding it. @default false */
  readonly finer?: boolean | undefined
}
