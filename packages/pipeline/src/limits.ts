/** One allowance that the server reported: so many units per window of time. */
export interface LimitWindow {
  /** The policy or bucket: "requests", "tokens", "burst", "daily". Absent when the server names none. */
  readonly name?: string | undefined
  /** What the window allows in all. */
  readonly limit?: number | undefined
  /** What is left of it. Never negative. */
  readonly remaining?: number | undefined
  /** What was used of it, where the server says that instead. */
  readonly used?: number | undefined
  /** When more becomes available, in milliseconds from the moment the response was received. */
  readonly resetMs?: number | undefined
  /** How long the window is. */
  readonly windowMs?: number | undefined
  /** What is counted. Absent means requests. */
  readonly unit?: string | undefined
  /** The header (or "body") it was read from. */
  readonly source: string
}

/** How many requests may be in flight, and how many are. */
export interface ConcurrencyLimit {
  readonly limit?: number | undefined
  readonly active?: number | undefined
  readonly remaining?: number | undefined
  /** The IETF policy or the scope it belongs to. */
  readonly name?: string | undefined
  readonly source: string
}

/** What the call cost and what is left, in the API's own unit (credits, points, characters). May be fractional. */
export interface Credits {
  readonly cost?: number | undefined
  readonly remaining?: number | undefined
  readonly limit?: number | undefined
  readonly used?: number | undefined
  readonly source: string
}

/** All that one response says about limits. */
export interface Limits {
  /** How long the server asks to stay away (`Retry-After` and its kin), in milliseconds from receipt. */
  readonly retryAfterMs?: number | undefined
  /** The header the wait was read from. */
  readonly retryAfterSource?: string | undefined
  /** Every window reported, the tightest first. */
  readonly windows: readonly LimitWindow[]
  readonly concurrency?: ConcurrencyLimit | undefined
  readonly credits?: Credits | undefined
  /** The server's own word for which limit was hit: "global-concurrency", "minute", "jira-burst-based". */
  readonly reason?: string | undefined
}
