/** What somebody should look at. Other middlewares may tell of conditions of their own by `alert` events. */
export type Condition = 'billing' | 'quota-exhausted' | 'threshold' | 'error-rate' | 'hold' | (string & {})

/** One message to people: something has happened, still goes on, or is over. Free of secrets, and plain JSON. */
export interface Alert {
  /** The same for all alerts of one incident: what on-call systems deduplicate by. */
  readonly id: string
  /** 1 for the first alert of the incident; with `id` it is the alert's own. */
  readonly sequence: number
  readonly condition: Condition
  readonly state: 'firing' | 'resolved'
  /** A sentence with the figures. */
  readonly message: string
  /** The origin of the API. */
  readonly api: string
  /** The partition, masked where it looks like a secret. By default the same as `api`. */
  readonly key: string
  /** Where it was seen last: method and path. Absent from what concerns a whole key. */
  readonly endpoint?: string | undefined
  /** When the incident began, in ISO 8601. */
  readonly since: string
  /** When this alert was made, in ISO 8601. */
  readonly at: string
  /** Why the last answer or error was judged so. */
  readonly evidence?: string | undefined
  /** Of `error-rate`: the window, the attempts in it, and how many of them failed. */
  readonly windowMs?: number | undefined
  readonly attempts?: number | undefined
  readonly failed?: number | undefined
  /** Of `error-rate`: the share that failed, and the share that is usual, once known; from 0 to 1. */
  readonly rate?: number | undefined
  readonly baseline?: number | undefined
  /** Of `hold`: how long no call has gone through or will, in milliseconds. */
  readonly heldMs?: number | undefined
  /** Of `threshold`: the credits that are left. */
  readonly left?: number | undefined
}
