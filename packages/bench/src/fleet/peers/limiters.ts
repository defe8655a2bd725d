import type { Redis } from 'ioredis'

/** What a peer is told of the API; aplomb is told nothing of it. */
export interface Told {
  readonly atOnce?: number | undefined
  readonly perSecond?: number | undefined
  /** Of a bucket. */
  readonly burst?: number | undefined
}

/** Runs a job when it is its turn, among all members of a name on one Redis. */
export type Limiter = <T>(job: () => Promise<T>) => Promise<T>

/** `connect` gives a connection of its own, as often as it is asked. */
type NewLimiter = (connect: () => Redis, name: string, told: Told) => Promise<Limiter>

export const PEERS = ['redis-semaphore', 'rate-limiter-flexible', 'bottleneck, clustered'] as const
export type PeerName = (typeof PEERS)[number]

/** How long somebody waits at most, in milliseconds: longer than any row takes. */
const PATIENCE_MS = 120_000

/** In steps of a quarter of a second, as the library asks for. */
const REFILL_MS = 250

const reservoirOf = ({ perSecond, burst }: Told) => {
  if (perSecond === undefined) return {}
  if (burst === undefined)
    return { reservoir: perSecond, reservoirRefreshAmount: perSecond, reservoirRefreshInterval: 1000 }
  return {
    reservoir: burst,
    reservoirIncreaseAmount: Math.floor((perSecond * REFILL_MS) / 1000),
    reservoirIncreaseInterval: REFILL_MS,
    reservoirIncreaseMaximum: burst,
  }
}

/** Set up as its documentation recommends, but for how long it waits. A library is loaded only in the processes that use it. */
export const newLimiter: Readonly<Record<PeerName, NewLimiter>> = {
  'redis-semaphore': async (connect, name, { atOnce = 1 }) => {
    const { Semaphore } = await import('redis-semaphore')
    const client = connect()
    return async (job) => {
      const semaphore = new Semaphore(client, name, atOnce, { acquireTimeout: PATIENCE_MS })
      await semaphore.acquire()
      try {
        return await job()
      } finally {
        await semaphore.release()
      }
    }
  },

  'rate-limiter-flexible': async (connect, name, { perSecond = 1 }) => {
    const { RateLimiterRedis, RateLimiterRes } = await import('rate-limiter-flexible')
    const limiter = new RateLimiterRedis({ storeClient: connect(), keyPrefix: name, points: perSecond, duration: 1 })
    return async (job) => {
      for (;;) {
        try {
          await limiter.consume('all')
          return await job()
        } catch (error) {
          if (!(error instanceof RateLimiterRes)) throw error
          await new Promise((resolve) => setTimeout(resolve, error.msBeforeNext))
        }
      }
    }
  },

  'bottleneck, clustered': async (connect, name, told) => {
    const { default: Bottleneck } = await import('bottleneck')
    const connection = new Bottleneck.IORedisConnection({ client: connect() })
    const limiter = new Bottleneck({
      id: name,
      datastore: 'ioredis',
      connection,
      maxConcurrent: told.atOnce ?? null,
      ...reservoirOf(told),
    })
    await limiter.ready()
    return (job) => limiter.schedule(job)
  },
}

/** Whether it can be told of a limit of that sort. */
export const canKeep = (peer: PeerName, { atOnce, perSecond }: Told): boolean =>
  peer === 'bottleneck, clustered' ||
  (peer === 'redis-semaphore' ? atOnce !== undefined && perSecond === undefined : perSecond !== undefined)
