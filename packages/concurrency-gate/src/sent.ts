import type { RequestLine } from '@aplomb/pipeline'

/** A request in flight, as it went out. */
export interface Sent {
  /** On the `clock`. */
  readonly at: number
  /** In flight then, itself included. */
  readonly active: number
  readonly request: RequestLine
}
