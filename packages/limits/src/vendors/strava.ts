import { MINUTE, DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Strava: a quarter of an hour and a day, in that order

export const headers: readonly HeaderRow[] = [
  // Witness: strava: 200-1
  { header: 'x-ratelimit-usage', means: 'used', windowMs: [15 * MINUTE, DAY] },
  { header: 'x-readratelimit-usage', means: 'used', windowMs: [15 * MINUTE, DAY] },
]
