import type { CodeRow } from '../vendor.ts'

// ZenRows

export const codes: readonly CodeRow[] = [
  // Witness: zenrows: 429-1
  { code: /^auth006$/, kind: 'concurrency-limited' },
  // Witness: zenrows: 402-1
  { code: /^auth004$/, kind: 'quota-exhausted' },
  // Witness: zenrows: 429-2
  { code: /^auth008$/, kind: 'rate-limited' },
]
