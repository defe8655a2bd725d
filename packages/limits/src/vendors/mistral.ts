import type { HeaderRow } from '../vendor.ts'

// Mistral

export const headers: readonly HeaderRow[] = [
  // Witness: mistral: 200 cost
  { header: 'x-ratelimit-tokens-query-cost', means: 'cost' },
]
