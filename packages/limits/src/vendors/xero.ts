import type { HeaderRow } from '../vendor.ts'

// Xero

export const headers: readonly HeaderRow[] = [
  // Witness: xero: 429-1
  { header: 'x-rate-limit-problem', means: 'reason' },
  { header: 'x-minlimit-remaining', means: 'remaining', name: 'minute' },
  { header: 'x-appminlimit-remaining', means: 'remaining', name: 'app-minute' },
  { header: 'x-daylimit-remaining', means: 'remaining', name: 'day' },
]
