import type { HeaderRow } from '../vendor.ts'

// Etsy

export const headers: readonly HeaderRow[] = [
  // Witness: etsy: 429 a second
  { header: 'x-limit-per-second', means: 'limit', name: 'second' },
  { header: 'x-remaining-this-second', means: 'remaining', name: 'second' },
  { header: 'x-limit-per-day', means: 'limit', name: 'day' },
  { header: 'x-remaining-today', means: 'remaining', name: 'day' },
]
