import { setTimeout as sleep } from 'node:timers/promises'
import { redis } from '@aplomb/redis'
import { aplomb } from 'aplomb'
import { Redis } from 'ioredis'
import { link } from '../../goodput/link.ts'
import { quantile } from '../../sim/quantile.ts'
import { type Limiter, newLimiter } from './limiters.ts'
import { APLOMB, type Load, type RowTask, type WakeUp } from './tasks.ts'

/** Calls of each member that are under way at once. */
const EACH = 4
/** More than any of them does, for the one that knows of rates only. */
const RATE = 1_000_000
/** What is not measured: connections are opened, code is compiled. */
const WARM_UP = 0.25

const parent = link(process)
process.once('disconnect', () => process.exit())
const { which, url, members, atOnce, jobMs, calls, what } = (await parent.next()) as RowTask

/** Requests to Redis, of all members; what is pushed to them is none. */
let roundTrips = 0

const counted = (client: Redis): Redis => {
  const send = client.sendCommand.bind(client)
  client.sendCommand = (...args) => {
    roundTrips++
    return send(...args)
  }
  const duplicate = client.duplicate.bind(client)
  client.duplicate = (...args) => counted(duplicate(...args))
  return client
}
const connect = (): Redis => counted(new Redis(url))

const newFleetMember = (name: string): Limiter => {
  const jobs = new Map<string, () => Promise<void>>()
  const fetch = aplomb({
    store: redis(connect(), { namespace: name }),
    concurrencyGate: { limit: atOnce },
    fetch: async (input) => {
      await jobs.get(input instanceof Request ? input.url : `${input}`)?.()
      return new Response()
    },
  })
  let last = 0
  return async (job) => {
    const call = `http://fleet.test/${++last}`
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof job>>>()
    jobs.set(call, async () => resolve(await job()))
    await fetch(call)
    jobs.delete(call)
    return promise
  }
}

const newMember = async (): Promise<Limiter> => {
  const name = `peers:${process.pid}`
  if (which === APLOMB) return newFleetMember(name)
  return newLimiter[which](connect, name, which === 'rate-limiter-flexible' ? { perSecond: RATE } : { atOnce })
}

const all = await Promise.all(Array.from({ length: members }, newMember))

const load = async (): Promise<Load> => {
  const job = async (): Promise<void> => {
    if (jobMs > 0) await sleep(jobMs)
  }
  const work = async (total: number): Promise<void> => {
    let left = total
    const caller = async (run: Limiter): Promise<void> => {
      while (left-- > 0) await run(job)
    }
    await Promise.all(all.flatMap((run) => Array.from({ length: EACH }, () => caller(run))))
  }
  await work(calls * WARM_UP)
  const before = roundTrips
  const beganAt = performance.now()
  await work(calls)
  const seconds = (performance.now() - beganAt) / 1000
  return { perSecond: calls / seconds, roundTripsPerCall: (roundTrips - before) / calls }
}

const wakeUp = async (): Promise<WakeUp> => {
  const waits: number[] = []
  let last: { readonly by: Limiter; readonly endedAt: number } | undefined
  const work = async (run: Limiter): Promise<void> => {
    while (waits.length < calls)
      await run(async () => {
        if (last && last.by !== run) waits.push(performance.now() - last.endedAt)
        await sleep(jobMs)
        last = { by: run, endedAt: performance.now() }
      })
  }
  const trips: number[] = []
  const client = new Redis(url)
  const ping = async (): Promise<void> => {
    while (waits.length < calls) {
      await sleep(jobMs)
      const at = performance.now()
      await client.ping()
      trips.push(performance.now() - at)
    }
  }
  await Promise.all([ping(), ...all.map(work)])
  client.disconnect()
  const warm = waits.slice(calls * WARM_UP)
  return { median: quantile(warm, 0.5), p99: quantile(warm, 0.99), tripP99: quantile(trips, 0.99) }
}

parent.send(what === 'load' ? await load() : await wakeUp())
