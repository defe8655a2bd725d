import type { HeaderRow } from '../vendor.ts'

// KuCoin: milliseconds, of windows of 30 s

export const headers: readonly HeaderRow[] = [
  // Witness: kucoin: 429-reset-in-ms
  { header: 'gw-ratelimit-reset', means: 'reset', unit: 'ms' },
]
