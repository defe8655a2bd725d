import type { HeaderRow } from '../vendor.ts'

// Market Data counts credits

export const headers: readonly HeaderRow[] = [
  // Witness: marketdata: 429-1
  { header: 'x-api-ratelimit-consumed', means: 'cost' },
  { header: 'x-api-ratelimit-limit', means: 'limit', counts: 'credits' },
  { header: 'x-api-ratelimit-remaining', means: 'remaining', counts: 'credits' },
]
