import { clock } from './clock.ts'
import type { RequestLine } from './contract.ts'
import { endpointOf } from './endpoint.ts'

/**
 * Finds out which endpoints of a key have a limit of their own: refused time and again, while others of the key that
 * were asked in between were served. What such a refusal says is no matter of the others.
 */
export interface OwnLimits {
  /** A request that was sent at this time, on the `clock`, was refused. Returns whether by a limit of its endpoint's own, and whether that is news. */
  refused(request: RequestLine, sentAt: number): 'found' | 'known' | undefined
  served(request: RequestLine, sentAt: number): void
}

/** Consecutive refusals of an endpoint: fewer may be chance. */
const REFUSALS = 3
/** Endpoints remembered at most: those that were refused last. */
const MOST_ENDPOINTS = 100

interface Row {
  refusals: number
  /** When the first of them was heard. */
  readonly since: number
  found: boolean
  /** When a request to another endpoint was sent after that, and served. */
  othersSentAt: number
}

const nameOf = (request: RequestLine): string => `${request.method} ${endpointOf(request.url)}`

export const ownLimits = (): OwnLimits => {
  /** By endpoint, since it was last served. */
  const rows = new Map<string, Row>()
  return {
    refused: (request, sentAt) => {
      const name = nameOf(request)
      const row = rows.get(name) ?? { refusals: 0, since: clock(), found: false, othersSentAt: Infinity }
      row.refusals++
      rows.set(name, row)
      const [oldest] = rows.keys()
      if (rows.size > MOST_ENDPOINTS && oldest !== undefined) rows.delete(oldest)
      if (row.refusals < REFUSALS || sentAt <= row.othersSentAt) return undefined
      if (row.found) return 'known'
      row.found = true
      return 'found'
    },
    served: (request, sentAt) => {
      // Most of the time there is nothing to look up.
      if (rows.size === 0) return
      rows.delete(nameOf(request))
      for (const row of rows.values()) if (sentAt >= row.since) row.othersSentAt = Math.min(row.othersSentAt, sentAt)
    },
  }
}
