import { DAY } from '../units.ts'
import type { HeaderRow } from '../vendor.ts'

// Salesforce

export const headers: readonly HeaderRow[] = [
  // Witness: salesforce: 200-limit-info
  { header: 'sforce-limit-info', means: 'used/limit', windowMs: DAY },
]
