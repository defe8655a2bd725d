import { SECOND, DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Etsy

export const headers: readonly HeaderRow[] = [
  // Witness: etsy: 429 a second
  { header: 'x-limit-per-second', means: 'limit', name: 'second', windowMs: SECOND },
  { header: 'x-remaining-this-second', means: 'remaining', name: 'second', windowMs: SECOND },
  { header: 'x-limit-per-day', means: 'limit', name: 'day', windowMs: DAY },
  { header: 'x-remaining-today', means: 'remaining', name: 'day', windowMs: DAY },
]
