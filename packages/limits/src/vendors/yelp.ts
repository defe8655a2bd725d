import { DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Yelp

export const headers: readonly HeaderRow[] = [
  // Witness: yelp: 200-2
  { header: 'ratelimit-dailylimit', means: 'limit', group: 'ratelimit|', windowMs: DAY },
  {
    header: 'ratelimit-resourcedailylimit',
    means: 'limit',
    name: 'resource',
    group: 'ratelimit|resource',
    windowMs: DAY,
  },
  { header: 'ratelimit-resourceremaining', means: 'remaining', name: 'resource', group: 'ratelimit|resource' },
]
