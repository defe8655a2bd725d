import { type HeaderRow, readHead, type Wanted } from '@aplomb/limits'
import { hints, messageHeaders, proxyIds, requestIds } from '@aplomb/limits/vendors'
import { headersOf, statusOf } from '@aplomb/pipeline'
import { FOREIGN } from './foreign.ts'
import type { Head } from './types.ts'

/** Where request ids are found; what a proxy adds comes last, after the ids in the body. */
const REQUEST_IDS: readonly string[] = ['x-request-id', 'request-id', ...requestIds, 'x-requestid', 'requestid']
const PROXY_IDS: readonly string[] = ['x-correlation-id', 'correlation-id', 'x-trace-id', ...proxyIds]

const HINTS: readonly string[] = ['x-should-retry', ...hints]

const NAMES: readonly string[] = [...FOREIGN, ...REQUEST_IDS, ...PROXY_IDS]
/** By rank: what only somebody in front of the API sends, then ids, the API's own first. */
const WANTED: Wanted = new Map(NAMES.map((name, rank) => [name, rank]))
const OWN = FOREIGN.length + REQUEST_IDS.length

/** A head with the request id that stands in it. */
export interface HeadWithId extends Head {
  readonly id: { readonly rank: number; readonly value: string } | undefined
}

/** The request id: the API's own from the header, else the body's, else a proxy's. */
export const requestIdOf = ({ id }: HeadWithId, inBody?: string): string | undefined =>
  id && id.rank < OWN ? id.value : (inBody ?? id?.value)

/** The server's explicit word on sending again. */
export const hintOf = (head: Head): boolean | undefined => {
  const value = HINTS.map((name) => head.header(name))
    .find((one) => one)
    ?.toLowerCase()
  return value === 'true' ? true : value === 'false' ? false : undefined
}

const MESSAGES: readonly string[] = [...messageHeaders, 'x-error-message', 'x-error-detail', 'grpc-message']

/** What is said to humans in a header. */
export const messageIn = (header: Head['header']): string | undefined =>
  MESSAGES.map((name) => header(name)).find((text) => text)

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a response says before its body is looked at. Also takes what is not quite a Response. */
export const headOf = (
  response: object,
  { url, receivedAt, rows }: { url?: string | undefined; receivedAt: number; rows?: readonly HeaderRow[] | undefined },
): HeadWithId => {
  const { limits, wanted } = readHead(response as Response, { receivedAt, rows, wanted: WANTED })
  const header = headersOf(response)
  const foreign = wanted && wanted.rank < FOREIGN.length ? NAMES[wanted.rank] : undefined
  const rank = foreign === undefined ? -1 : NAMES.findIndex((name, i) => i >= FOREIGN.length && header(name))
  const id = foreign === undefined ? wanted : rank < 0 ? undefined : { rank, value: header(NAMES[rank]!)! }
  return {
    status: statusOf(response),
    url: url ?? stringOf('url' in response ? response.url : ''),
    header,
    limits,
    foreign,
    id,
  }
}
