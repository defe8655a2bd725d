import type { HeaderRow } from '../vendor.ts'

// APIFreaks: https://apifreaks.com/docs

export const headers: readonly HeaderRow[] = [
  // The ceiling, and what is in flight
  // Witness: apifreaks: 200-limited-endpoint-cost-and-threads
  { header: 'x-concurrent-threads', means: 'concurrency-limit' },
  { header: 'x-concurrent-threads-active', means: 'concurrency-active' },
]

export const concurrencyHosts: readonly string[] = [
  // Witness: apifreaks: 429 without a body
  'apifreaks.com',
]
