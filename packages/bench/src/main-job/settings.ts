import type { DialectName, MockApiOptions } from '@aplomb/mock-api'
import type { ClientName } from './clients.ts'

/** The job, and the API that it runs against. */
export interface Settings {
  readonly lookups: number
  /** Requests per second. */
  readonly rate: number
  readonly concurrency: number
  readonly credits: number
  readonly outageMs: number
  readonly outageAtMs: number
  /** The share of addresses without a record. */
  readonly missing: number
  readonly latencyMs: number
  readonly seed: number
  readonly dialect: DialectName
  /** Whether the API keeps its limits to itself. */
  readonly silent: boolean
  readonly only: ClientName | undefined
  /** The number of processes, each of which runs without the others and as a member of a fleet. */
  readonly fleet: number | undefined
}

/** Every run gets an API of its own made from the same options: same seed, same limits, same addresses without a record. */
export const apiOptions = (settings: Settings): MockApiOptions => {
  const { rate, concurrency, credits, outageMs, outageAtMs, missing, latencyMs, seed, dialect, silent } = settings
  return {
    seed,
    windows: [{ limit: rate, windowMs: 1000 }],
    concurrency,
    announceConcurrency: !silent,
    credits: { balance: credits, ...(silent && { costHeader: false, balanceHeader: false }) },
    headers: silent ? false : dialect,
    latencyMs: [latencyMs * 0.5, latencyMs * 1.5],
    outages: outageMs > 0 ? [{ fromMs: outageAtMs, toMs: outageAtMs + outageMs }] : [],
    empty: missing,
  }
}

/** Different for each lookup, out of the block that RFC 2544 sets aside for benchmarks. */
export const addressOf = (index: number): string => `198.${18 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`

/** As many as that block has. */
export const MOST_LOOKUPS: number = 2 ** 17

/** Label and value of each setting, for people. */
export const describeSettings = (settings: Settings): readonly (readonly [string, string])[] => {
  const {
    lookups,
    rate,
    concurrency,
    credits,
    outageMs,
    outageAtMs,
    missing,
    latencyMs,
    seed,
    dialect,
    silent,
    fleet,
  } = settings
  return [
    ['Lookups', `${lookups}, all thrown in at once`],
    ['Rate limit', `${rate} requests per second`],
    ['Concurrency limit', `${concurrency} at once`],
    ['Credits', String(credits)],
    ['Outage', outageMs > 0 ? `503 from ${outageAtMs / 1000} s to ${(outageAtMs + outageMs) / 1000} s` : 'none'],
    ['Without a record', `about ${Number((missing * 100).toFixed(1))} % of the addresses (404)`],
    ['Latency', `${latencyMs * 0.5} to ${latencyMs * 1.5} ms`],
    ['Limits announced', silent ? 'no' : `${dialect} headers, X-Concurrent-Threads, Retry-After on 429`],
    ['Seed', String(seed)],
    ...(fleet === undefined ? [] : [['Processes', `${fleet}, on one key`] as const]),
  ]
}
