/**
 * APIs whose 429 always means "too many in flight", and says so in no answer: the documentation is the only source.
 * By host, including everything below it.
 */
const CONCURRENCY_ONLY: readonly string[] = [
  'apifreaks.com',
  'api.deepgram.com',
  'api.deepseek.com',
  'api.twilio.com',
  'cloro.dev',
  'hasdata.com',
  'scrape.do',
  'scraperapi.com',
  'scrapeops.io',
  'webscrapingapi.com',
]

/** The entry for the host of this URL, if it limits nothing but concurrency. */
export const limitsOnlyConcurrency = (url: string): string | undefined => {
  if (url === '' || !URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  return CONCURRENCY_ONLY.find((host) => hostname === host || hostname.endsWith(`.${host}`))
}
