import { MINUTE, DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Xero

export const headers: readonly HeaderRow[] = [
  // Witness: xero: 429-1
  { header: 'x-rate-limit-problem', means: 'reason' },
  { header: 'x-minlimit-remaining', means: 'remaining', name: 'minute', windowMs: MINUTE },
  { header: 'x-appminlimit-remaining', means: 'remaining', name: 'app-minute', windowMs: MINUTE },
  { header: 'x-daylimit-remaining', means: 'remaining', name: 'day', windowMs: DAY },
]
