// WebScrapingAPI

export const concurrencyHosts: readonly string[] = [
  // Witness: webscrapingapi: 429 without a body
  'webscrapingapi.com',
]
