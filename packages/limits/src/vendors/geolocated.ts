import type { HeaderRow } from '../vendor.ts'

// geolocated.io

export const headers: readonly HeaderRow[] = [
  // Witness: split: geolocated.io Daily-Request-*
  { header: 'daily-request-limit', means: 'limit', name: 'daily', group: 'daily' },
  { header: 'daily-request-remaining', means: 'remaining', name: 'daily', group: 'daily' },
  { header: 'daily-request-reset', means: 'reset', name: 'daily', group: 'daily' },
]
