import type { HeaderRow } from '../vendor.ts'

// Scrapfly

export const headers: readonly HeaderRow[] = [
  // Witness: scrapfly: 429-1
  { header: 'x-scrapfly-reject-code', means: 'reason' },
  { header: /^x-scrapfly-(?<name>account|project)-concurrent-usage$/, means: 'concurrency-active' },
  { header: /^x-scrapfly-(?<name>account|project)-remaining-concurrent-usage$/, means: 'concurrency-remaining' },
]

export const requestIds: readonly string[] = [
  // Witness: scrapfly: 429-1
  'x-scrapfly-log',
]
