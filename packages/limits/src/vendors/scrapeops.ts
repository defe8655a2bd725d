// ScrapeOps

export const concurrencyHosts: readonly string[] = [
  // Witness: scrapeops: 429 without a body
  'scrapeops.io',
]
