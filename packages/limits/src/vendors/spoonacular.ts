import type { HeaderRow } from '../vendor.ts'

// Spoonacular

export const headers: readonly HeaderRow[] = [
  // Witness: spoonacular: 200-1
  { header: 'x-api-quota-request', means: 'cost' },
  { header: 'x-api-quota-used', means: 'credits-used' },
  { header: 'x-api-quota-left', means: 'credits-remaining' },
]
