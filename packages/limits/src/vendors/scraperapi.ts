// ScraperAPI

export const concurrencyHosts: readonly string[] = [
  // Witness: scraperapi: 429 without a body
  'scraperapi.com',
]
