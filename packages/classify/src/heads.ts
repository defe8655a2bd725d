import { type HeaderRow, type Limits, readLimits } from '@aplomb/limits'
import type { Head } from './types.ts'

/** Where request ids are found; what a proxy adds comes last, after the ids in the body. */
const REQUEST_IDS: readonly string[] = [
  'x-request-id',
  'request-id',
  'x-github-request-id',
  'x-amzn-requestid',
  'x-amz-request-id',
  'apim-request-id',
  'x-ms-request-id',
  'x-ms-correlation-request-id',
  'twilio-request-id',
  'x-okta-request-id',
  'x-notion-request-id',
  'dg-request-id',
  'x-dropbox-request-id',
  'x-shopify-request-id',
  'x-requestid',
  'requestid',
  'x-scrapfly-log',
  'x-slack-req-id',
  'x-zm-trackingid',
  'x-arequestid',
  'atl-request-id',
  'x-fb-request-id',
]
const PROXY_IDS: readonly string[] = [
  'x-correlation-id',
  'correlation-id',
  'x-hubspot-correlation-id',
  'x-trace-id',
  'atl-traceid',
  'x-fb-trace-id',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'cf-ray',
  'x-amz-cf-id',
  'x-vercel-id',
]

const HINTS: readonly string[] = ['x-should-retry', 'stripe-should-retry']

const first = (head: Pick<Head, 'header'>, names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = head.header(name)
    if (value !== undefined && value !== '' && value.length <= 200) return value
  }
  return undefined
}

/** The request id: the API's own from the header, else the body's, else a proxy's. */
export const requestIdOf = (head: Pick<Head, 'header'>, inBody?: string): string | undefined =>
  first(head, REQUEST_IDS) ?? inBody ?? first(head, PROXY_IDS)

/** The server's explicit word on sending again. */
export const hintOf = (head: Head): boolean | undefined => {
  const value = first(head, HINTS)?.toLowerCase()
  return value === 'true' ? true : value === 'false' ? false : undefined
}

const headerOf = (response: object): Head['header'] => {
  const headers: unknown = 'headers' in response ? response.headers : undefined
  if (typeof headers !== 'object' || headers === null) return () => undefined
  const read: (name: string) => unknown =
    'get' in headers && typeof headers.get === 'function'
      ? (name) => (headers as Headers).get(name)
      : (name) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return (name) => {
    try {
      const value = read(name)
      return typeof value === 'string' ? value : undefined
    } catch {
      return undefined // a stand-in for Headers
    }
  }
}

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a response says before its body is looked at. Also takes what is not quite a Response. */
export const headOf = (
  response: object,
  { url, receivedAt, rows }: { url?: string | undefined; receivedAt: number; rows?: readonly HeaderRow[] | undefined },
): Head => {
  const type = 'type' in response ? response.type : undefined
  // A response to a `no-cors` request shows nothing, and cannot be anything but used.
  const shown = type === 'opaque' || type === 'opaqueredirect' ? 200 : 0
  const status = 'status' in response && typeof response.status === 'number' ? response.status || shown : 0
  const limits: Limits = readLimits(response as Response, { receivedAt, rows })
  return { status, url: url ?? stringOf('url' in response ? response.url : ''), header: headerOf(response), limits }
}
