import type { CodeRow, HeaderRow } from '../vendor.ts'

// The Odds API

export const headers: readonly HeaderRow[] = [
  // Witness: odds: 200-1
  { header: 'x-requests-last', means: 'cost' },
  { header: 'x-requests-used', means: 'credits-used' },
  { header: 'x-requests-remaining', means: 'credits-remaining' },
]

export const codes: readonly CodeRow[] = [
  // Witness: odds: 429-1
  { code: /^exceededfreqlimit$/, kind: 'rate-limited' },
]
