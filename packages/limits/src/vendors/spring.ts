import { SECOND } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Spring Cloud Gateway: a bucket, how many a second flow into it, what this call took

export const headers: readonly HeaderRow[] = [
  // Witness: spring: 429 bucket
  { header: 'x-ratelimit-burst-capacity', means: 'limit', group: 'x-ratelimit|' },
  { header: 'x-ratelimit-replenish-rate', means: 'limit', name: 'replenish', windowMs: SECOND },
  { header: 'x-ratelimit-requested-tokens', means: 'cost' },
]
