import type { HeaderRow } from '../vendor.ts'

// Bybit

export const headers: readonly HeaderRow[] = [
  // Witness: bybit: 429 used up
  { header: 'x-bapi-limit', means: 'limit', group: 'bybit' },
  { header: 'x-bapi-limit-status', means: 'remaining', group: 'bybit' },
  { header: 'x-bapi-limit-reset-timestamp', means: 'reset', group: 'bybit' },
]
