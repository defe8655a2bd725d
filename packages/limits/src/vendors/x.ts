import { DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// X, once Twitter

export const headers: readonly HeaderRow[] = [
  // Witness: x: 429 of a day
  { header: /^x-(?<name>app|user)-limit-24hour-limit$/, means: 'limit', windowMs: DAY },
  { header: /^x-(?<name>app|user)-limit-24hour-remaining$/, means: 'remaining', windowMs: DAY },
  { header: /^x-(?<name>app|user)-limit-24hour-reset$/, means: 'reset', windowMs: DAY },
]
