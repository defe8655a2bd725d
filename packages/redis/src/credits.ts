import { later } from '@aplomb/pipeline'
import type { Commands } from './clients.ts'
import { newScript, sha1 } from './run-script.ts'

/** Where a fleet counts its credits: a store of `creditMeter`. */
export interface Credits {
  /** Adds to a counter and gives its new total. */
  add(counter: string, credits: number, expiresInMs: number): Promise<number>
  /** The counter's total, if there is one. */
  get(counter: string): Promise<number | undefined>
}

/** Sums are of whole millionths: fractions of binary numbers would add up to dust. */
const PER_CREDIT = 1e6
/** Between tries, in milliseconds: a Redis that starts again is found soon, one that is away is not flooded. */
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5000
const SWEEP_AT = 1000

/**
 * Each process writes all that it has ever added to a counter, under a name of its own: what is written twice counts once, and
 * what Redis has lost is there again with the next write. Returns the sum as it was when that was written first, so that
 * of those who claim a counter one is told 1, however often it has to ask.
 */
const ADD = `
local key, id, total, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local mine, seen = tonumber(redis.call('HGET', key, id) or '0'), redis.call('HGET', key, id .. ' sum')
local sum = redis.call('HGET', key, 'sum') or '0'
if total > mine then
  sum = string.format('%.0f', tonumber(sum) + total - mine)
  redis.call('HSET', key, id, ARGV[2], id .. ' sum', sum, 'sum', sum)
  redis.call('PEXPIRE', key, ttl)
elseif total == mine and seen then
  sum = seen
end
return sum
`

/** What this process has added to a counter. */
interface Counter {
  total: number
  written: number
  expiresAt: number
  writing: Promise<number> | undefined
  next: Promise<number> | undefined
}

/** Counters in a Redis. A write is tried until it has arrived, so that nobody has to guess whether it has. */
export const creditsOf = ({ command, ready }: Pick<Commands, 'command' | 'ready'>, namespace = 'aplomb'): Credits => {
  const run = newScript(command, ADD)
  const id = globalThis.crypto.randomUUID()
  const counters = new Map<string, Counter>()
  let sweepAt = SWEEP_AT
  /** Ends the pauses between tries. */
  const impatient = new Set<() => void>()

  const keyOf = async (name: string): Promise<string> => `{${namespace}:credits:${await sha1(name)}}`

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        impatient.delete(end)
        resolve()
      }
      const timer = later(end, ms)
      // Elsewhere a timer is a number.
      if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
      impatient.add(end)
    })

  const write = async (name: string, counter: Counter): Promise<number> => {
    const key = await keyOf(name)
    for (let ms = FIRST_RETRY_MS; ; ms = Math.min(2 * ms, LONGEST_RETRY_MS)) {
      const { total, expiresAt } = counter
      const leftMs = Math.ceil(expiresAt - Date.now())
      if (leftMs <= 0) throw new Error('the period of the credits is over')
      try {
        const sum = Number(await run(key, id, String(total), String(leftMs)))
        counter.written = Math.max(counter.written, total)
        return sum / PER_CREDIT
      } catch {
        await pause(ms)
      }
    }
  }

  /** One at a time: what is added meanwhile goes with the next. */
  const save = (name: string, counter: Counter): Promise<number> => {
    if (counter.next) return counter.next
    const begin = (): Promise<number> => {
      counter.next = undefined
      counter.writing = write(name, counter)
      const end = (): void => void (counter.writing = undefined)
      counter.writing.then(end, end)
      return counter.writing
    }
    if (!counter.writing) return begin()
    return (counter.next = counter.writing.then(begin, begin))
  }

  const sweep = (): void => {
    if (counters.size < sweepAt) return
    for (const [name, { expiresAt }] of counters) if (expiresAt <= Date.now()) counters.delete(name)
    sweepAt = Math.max(SWEEP_AT, 2 * counters.size)
  }

  // What it had may be lost.
  ready(() => {
    for (const end of impatient) end()
    for (const [name, counter] of counters)
      if (counter.expiresAt > Date.now()) save(name, counter).catch(() => undefined)
  })

  return {
    add: async (name, credits, expiresInMs) => {
      sweep()
      const expiresAt = Date.now() + expiresInMs
      const known = counters.get(name)
      const counter =
        known && known.expiresAt > Date.now()
          ? known
          : { total: 0, written: 0, expiresAt, writing: undefined, next: undefined }
      counters.set(name, counter)
      counter.total += Math.round(credits * PER_CREDIT)
      counter.expiresAt = expiresAt
      return save(name, counter)
    },
    get: async (name) => {
      const counter = counters.get(name)
      // What it has lost is there again before it is read.
      if (counter && counter.written > 0 && counter.expiresAt > Date.now()) await save(name, counter)
      const sum = await command('HGET', await keyOf(name), 'sum')
      return sum === null || sum === undefined ? undefined : Number(sum) / PER_CREDIT
    },
  }
}
