import type { HeaderRow } from '../vendor.ts'

// Walmart Marketplace: a bucket, and when the next token comes

export const headers: readonly HeaderRow[] = [
  // Witness: walmart: 429 empty
  { header: 'x-current-token-count', means: 'remaining', group: 'walmart' },
  { header: 'x-next-replenishment-time', means: 'reset', group: 'walmart' },
]
