// scrape.do

export const concurrencyHosts: readonly string[] = [
  // Witness: scrape.do: 429 without a body
  'scrape.do',
]
