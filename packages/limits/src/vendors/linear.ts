import type { HeaderRow } from '../vendor.ts'

// Linear

export const headers: readonly HeaderRow[] = [
  // Witness: linear: 200-1
  { header: 'x-complexity', means: 'cost' },
]
