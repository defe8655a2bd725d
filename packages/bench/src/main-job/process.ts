import { Redis } from 'ioredis'
import { redis } from '@aplomb/redis'
import { link } from '../goodput/link.ts'
import { type Attempt, createClient } from './clients.ts'
import { type Counts, lookUpAll, newCounts } from './lookups.ts'
import type { Settings } from './settings.ts'

/** What one process of several is to do. */
export interface Part {
  readonly settings: Settings
  readonly origin: string
  readonly indexes: readonly number[]
  /** Of the fleet that it is of, if it is. */
  readonly redisUrl: string | undefined
}

/** What came of it so far. */
export interface Share {
  readonly over: boolean
  readonly counts: Counts
  /** New ones. */
  readonly attempts: readonly Attempt[]
}

const TOLD_EVERY_MS = 100

// A part in, shares out, the last of which is the whole.
const parent = link(process)
process.once('disconnect', () => process.exit())
const { settings, origin, indexes, redisUrl } = (await parent.next()) as Part
const counts = newCounts()
let attempts: Attempt[] = []
const tell = (over: boolean): void => {
  parent.send({ over, counts, attempts } satisfies Share)
  attempts = []
}
const store = redisUrl === undefined ? undefined : redis(new Redis(redisUrl))
const client = createClient.aplomb((attempt) => attempts.push(attempt), settings, store)
const timer = setInterval(tell, TOLD_EVERY_MS, false)
await lookUpAll(client, origin, indexes, counts)
clearInterval(timer)
tell(true)
