import type { HeaderRow } from '../vendor.ts'

// ScrapingBee

export const headers: readonly HeaderRow[] = [
  // Witness: scrapingbee: 200-auto-cost
  { header: 'spb-auto-cost', means: 'cost' },
]
