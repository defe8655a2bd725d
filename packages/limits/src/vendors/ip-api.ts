import { MINUTE } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// ip-api: what is left, and seconds until the minute ends

export const headers: readonly HeaderRow[] = [
  // Witness: ip-api: X-Rl / X-Ttl
  { header: 'x-rl', means: 'remaining', group: 'ip-api', windowMs: MINUTE },
  { header: 'x-ttl', means: 'reset', group: 'ip-api', windowMs: MINUTE },
]
