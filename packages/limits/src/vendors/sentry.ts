import type { HeaderRow } from '../vendor.ts'

// Sentry

export const headers: readonly HeaderRow[] = [
  // Witness: sentry: 429-1
  { header: 'x-sentry-rate-limit-concurrentlimit', means: 'concurrency-limit' },
  { header: 'x-sentry-rate-limit-concurrentremaining', means: 'concurrency-remaining' },
]
