import { concurrencyHosts } from '@aplomb/limits/vendors'

/**
 * The entry for the host of this URL, if its 429 always means "too many in flight" and says so in no answer: the
 * documentation is the only source. By host, including everything below it.
 */
export const limitsOnlyConcurrency = (url: string): string | undefined => {
  if (url === '' || !URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  return concurrencyHosts.find((host) => hostname === host || hostname.endsWith(`.${host}`))
}
