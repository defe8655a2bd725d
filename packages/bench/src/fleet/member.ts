import { redis } from '@aplomb/redis'
import { aplomb } from 'aplomb'
import { Redis } from 'ioredis'
import { link } from '../goodput/link.ts'

/** What a process of the fleet is to do. */
export interface MemberTask {
  readonly redisUrl: string
  readonly namespace: string
  readonly origin: string
  readonly leaseMs: number
  readonly limit: number
  /** Calls at once. */
  readonly atOnce: number
}

const parent = link(process)
process.once('disconnect', () => process.exit())
const { redisUrl, namespace, origin, leaseMs, limit, atOnce } = (await parent.next()) as MemberTask
const client = new Redis(redisUrl)
client.on('error', () => undefined)
const fetch = aplomb({ store: redis(client, { namespace, leaseMs }), concurrencyGate: { limit } })
let longestMs = 0

const work = async (): Promise<never> => {
  for (;;) {
    const beganAt = performance.now()
    try {
      const response = await fetch(`${origin}/member/${process.pid}`)
      await response.arrayBuffer()
      parent.send({ ok: response.ok, ms: performance.now() - beganAt })
    } catch (error) {
      parent.send({ ok: false, error: String(error) })
    }
    longestMs = Math.max(longestMs, performance.now() - beganAt)
  }
}
await Promise.all(Array.from({ length: atOnce }, work))
