import { aplomb, type Fetch } from 'aplomb'

// The whole pipeline, but for what sends again or holds calls off: ky's suite tests ky's retries.
const repeatsNothing = { backoffJitter: false, concurrencyGate: false, retryAfter: false } as const

/** What the patched ky calls around its `fetch`. */
Object.assign(globalThis, { mountFetch: (fetch: Fetch): Fetch => aplomb({ ...repeatsNothing, fetch }) })
