import type { Account } from './account.ts'
import { MONEY } from './alerts.ts'
import type { Settings } from './options.ts'
import { usageOf, type KeyUsage } from './usage.ts'

/** What is left of accounts that were dropped because they were not used for long. */
export interface Remains {
  put(account: Account): void
  /** A new account, with what is left of the one before. */
  revive(key: string): Account
  /** Whether anything is left of this key. */
  has(key: string): boolean
  /** Of all that is left, as one; nothing if nothing is. */
  usage(now: number): readonly KeyUsage[]
}

/**
 * Of a key, in a budget: which conditions were told and until when, and until when credits count; then the credits, each
 * following number those that end to count a quarter of a rolling window sooner. Numbers alone take a hundred bytes.
 */
type Packed = [told: number, toldUntil: number, until: number, ...credits: number[]]

const CREDITS_AT = 3
const QUARTERS = 4

/** A string that was cut from another, as an origin from a URL, keeps all of that in memory. The name of a property is one of its own. */
const ownCopy = (text: string): string => Object.keys({ [text]: 0 })[0] as string

/** Packed ones are looked through for such as do not count any more when there are twice as many as then. */
const SWEEP_AT = 1000

export const newRemains = (settings: Settings, newKey: (key: string) => Account): Remains => {
  const { limit, calendar, thresholds, store } = settings
  const conditions = [...thresholds.map((one) => `threshold:${one}`), MONEY]
  const quarterMs = (calendar.rollingMs ?? Infinity) / QUARTERS
  /** The sum of all. */
  const sum = newKey('')
  let isEmpty = true
  const byKey = new Map<string, Packed>()
  let sweepAt = SWEEP_AT

  const lastOf = ([, toldUntil, until]: Packed): number => Math.max(toldUntil, until)

  const pack = ({ tally, claimed }: Account, now: number): Packed | undefined => {
    let told = 0
    let toldUntil = 0
    for (const [i, condition] of conditions.entries()) {
      const claimedUntil = claimed.get(condition) ?? 0
      if (claimedUntil <= now) continue
      told += 2 ** i
      toldUntil = Math.max(toldUntil, claimedUntil)
    }
    const parts = tally.parts(now).filter(({ credits }) => credits > 0)
    if (told === 0 && parts.length === 0) return undefined
    const until = Math.max(0, ...parts.map((one) => one.until))
    const packed: Packed = [told, toldUntil, until]
    for (const part of parts) {
      const place = CREDITS_AT + Math.floor((until - part.until) / quarterMs)
      while (packed.length <= place) packed.push(0)
      packed[place] = (packed[place] as number) + part.credits
    }
    // A copy has no room for more.
    return packed.slice() as Packed
  }

  const sweep = (now: number): void => {
    for (const [key, packed] of byKey) if (lastOf(packed) <= now) byKey.delete(key)
    sweepAt = Math.max(SWEEP_AT, byKey.size * 2)
  }

  const unpacked = ([, , until, ...credits]: Packed): readonly { readonly until: number; readonly credits: number }[] =>
    credits.map((one, quarter) => ({ until: quarter === 0 ? until : until - quarter * quarterMs, credits: one }))

  const spentOf = (packed: Packed, now: number): number => {
    let spent = 0
    for (const { until, credits } of unpacked(packed)) if (until > now) spent += credits
    return spent
  }

  return {
    has: (key) => byKey.has(key),
    put: (account) => {
      // What is in a store is read from there again.
      if (store) return
      const now = Date.now()
      isEmpty = false
      for (const part of account.tally.parts(now)) sum.tally.put(part)
      for (const { name, tally } of account.rows.values()) {
        const row = sum.row(name)
        for (const part of tally.parts(now)) row.tally.put(part)
      }
      for (const [at, credits] of account.burn.minutes()) sum.burn.note(credits, at)
      const packed = limit === undefined ? undefined : pack(account, now)
      if (!packed) return
      if (byKey.size >= sweepAt) sweep(now)
      byKey.set(ownCopy(account.key), packed)
    },
    revive: (key) => {
      const account = newKey(key)
      const packed = byKey.get(key)
      if (!packed) return account
      byKey.delete(key)
      const [told, toldUntil] = packed
      for (const [i, condition] of conditions.entries())
        if (Math.floor(told / 2 ** i) % 2 === 1) account.claimed.set(condition, toldUntil)
      for (const { until, credits } of unpacked(packed)) {
        account.tally.put({ until, credits, attempts: 0 })
        // It is in the sum as well.
        sum.tally.put({ until, credits: -credits, attempts: 0 })
      }
      return account
    },
    usage: (now) => {
      if (isEmpty) return []
      const all = usageOf(sum, settings, now)
      if (limit === undefined) return [all]
      let left = 0
      let keys = 0
      for (const packed of byKey.values()) {
        if (lastOf(packed) <= now) continue
        keys++
        left += Math.max(0, limit - spentOf(packed, now))
      }
      return [
        {
          ...all,
          runsOutAt: undefined,
          ...(keys > 0 ? { limit: keys * limit, left } : { limit: undefined, left: undefined }),
        },
      ]
    },
  }
}
