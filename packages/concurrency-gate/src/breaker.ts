import { clock, endpointOf, type RequestLine } from '@aplomb/pipeline'
import { DOWN, newProbing, type Probing } from './probing.ts'

/** Consecutive failures that open it, as in Polly's and opossum's examples. */
const FAILURES_TO_OPEN = 5
/** Failures further apart than that, in milliseconds, are not of one outage. */
const OUTAGE_MS = 10_000
/** An answer that takes longer, in milliseconds, does not keep the next probe. */
const PROBE_MS = 10_000
/** Endpoints remembered at most: those that fail. */
const MOST_ENDPOINTS = 1000

/** An outage of the key: several endpoints failed, and none was served. */
const KEY = '*'
/** What has not failed yet in an outage of the key: its first probe need not wait. */
const UNTRIED = '!'

/** Half-open probes for each endpoint that is down, and for the key once several are. */
export interface Breaker {
  /** Where a request waits for a probe; undefined if it may be sent. */
  laneOf(request: RequestLine): string | undefined
  /** Whether nothing has failed since it was served. */
  quiet(): boolean
  /** Milliseconds until a probe may be sent from this lane. */
  waitMs(lane: string): number
  /** A request goes out as a probe. */
  probe(lane: string, request: RequestLine): void
  /** Failed: returns whether that has opened the breaker, for the whole key or an endpoint. */
  failed(request: RequestLine, sentAt: number): 'key' | 'endpoint' | undefined
  /** Served. Returns whether that has closed it somewhere. */
  served(request: RequestLine, sentAt: number): boolean
  /** Neither: a probe that was refused or aborted makes way for the next. */
  ended(request: RequestLine): void
  /** Whether others of the key were served since its outage began. */
  othersServed(): boolean
  /** The server answers again, if only with refusals. */
  close(): void
}

interface Row {
  failures: number
  failedAt: number
  /** While it is open. */
  probing: Probing | undefined
  /** The probe under way, and when it was sent. */
  probe: RequestLine | undefined
  probedAt: number
}

const newRow = (): Row => ({ failures: 0, failedAt: -Infinity, probing: undefined, probe: undefined, probedAt: 0 })

/** What fails together: the same method on the same path but for its ids. */
const nameOf = (request: RequestLine): string => `${request.method} ${endpointOf(request.url)}`

export const newBreaker = (): Breaker => {
  const rows = new Map<string, Row>()
  /** Failures since any success. */
  let key = newRow()
  const failedInKey = new Set<string>()
  let untried = false
  let othersServed = false

  const fail = (row: Row, request: RequestLine, sentAt: number, mayOpen = true): boolean => {
    const now = clock()
    if (now - row.failedAt > OUTAGE_MS && !row.probing) row.failures = 0
    row.failedAt = now
    row.failures++
    if (row.probe === request) row.probe = undefined
    // What was sent before the last decision says nothing about its effect.
    if (row.probing?.predates(sentAt)) return false
    const opens = row.probing === undefined && row.failures >= FAILURES_TO_OPEN && mayOpen
    if (opens) row.probing = newProbing()
    row.probing?.pause(DOWN)
    return opens
  }

  /** The endpoint that has been failing for longest, one whose breaker is closed if there is any. */
  const forget = (): void => {
    const [oldest] = rows
    const [name] = [...rows].find(([, { probing }]) => !probing) ?? oldest ?? []
    if (name !== undefined) rows.delete(name)
  }

  const closeKey = (): void => {
    key = newRow()
    failedInKey.clear()
    untried = false
  }

  return {
    laneOf: (request) => {
      if (rows.size === 0) return undefined
      const name = nameOf(request)
      if (key.probing) return failedInKey.has(name) ? KEY : UNTRIED
      return rows.get(name)?.probing ? name : undefined
    },
    quiet: () => rows.size === 0,
    waitMs: (lane) => {
      const row = lane === KEY || lane === UNTRIED ? key : rows.get(lane)
      if (!row?.probing) return 0
      if (row.probe) return Math.max(0, row.probedAt + PROBE_MS - clock())
      return lane === UNTRIED && untried ? 0 : row.probing.waitMs()
    },
    probe: (lane, request) => {
      const row = lane === KEY || lane === UNTRIED ? key : rows.get(lane)
      untried = false
      if (!row) return
      row.probe = request
      row.probedAt = clock()
    },
    failed: (request, sentAt) => {
      const name = nameOf(request)
      const row = rows.get(name) ?? newRow()
      rows.set(name, row)
      if (rows.size > MOST_ENDPOINTS) forget()
      if (!key.probing && clock() - key.failedAt > OUTAGE_MS) failedInKey.clear()
      failedInKey.add(name)
      const endpoint = fail(row, request, sentAt)
      // A single endpoint is no outage of the key.
      const whole = fail(key, request, sentAt, failedInKey.size > 1)
      if (whole) untried = true
      return whole ? 'key' : endpoint ? 'endpoint' : undefined
    },
    served: (request, sentAt) => {
      if (rows.size === 0) return false
      const name = nameOf(request)
      const row = rows.get(name)
      const stale = (one: Row): boolean => one.probing?.predates(sentAt) ?? false
      let closed = false
      if (!stale(key)) {
        closed = key.probing !== undefined
        closeKey()
      }
      if (row === undefined) othersServed = true
      else if (!stale(row)) {
        closed ||= row.probing !== undefined
        rows.delete(name)
        if (rows.size === 0) othersServed = false
      }
      return closed
    },
    ended: (request) => {
      if (key.probe === request) key.probe = undefined
      for (const row of rows.values()) if (row.probe === request) row.probe = undefined
    },
    othersServed: () => othersServed,
    close: () => {
      rows.clear()
      closeKey()
      othersServed = false
    },
  }
}
