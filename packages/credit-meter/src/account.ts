import type { Breaker } from './breaker.ts'
import { newBurn, type Burn } from './burn.ts'
import type { Settings } from './options.ts'
import { tidy } from './store.ts'
import { tally, type Tally } from './tally.ts'

/** One endpoint of an account. */
export interface Row {
  readonly name: string
  readonly tally: Tally
  /** The most that an attempt has cost. */
  dearest: number | undefined
  inFlight: number
  /** Of those in flight, how many others wait for: they are not overdue. */
  awaited: number
  /** Attempts that have ended. */
  settled: number
  /** Calls that wait for others in flight to tell their cost, the first in front. */
  readonly waiting: Set<Waiter>
}

/** A call that waits. */
export interface Waiter {
  wake: () => void
}

/** What is set aside for a call in flight. */
export interface Reservation {
  readonly row: Row
  readonly since: number
}

/** What is known of the credits of one key. */
export interface Account {
  readonly key: string
  readonly tally: Tally
  readonly burn: Burn
  readonly rows: ReadonlyMap<string, Row>
  /** The row of an endpoint; beyond 200 they share one. */
  row(endpoint: string): Row
  /** What a call of an endpoint is expected to cost: the most that one has, there or else anywhere, or what the option says. */
  expected(row: Row): number
  /** Credits that calls in flight are expected to cost. */
  reserved(): number
  inFlight: number
  /** The reservations that others wait for, the oldest first. */
  readonly awaited: Set<Reservation>
  /** The most that an attempt has cost on any endpoint. */
  dearest: number | undefined
  /** How many calls wait for others in flight to tell their cost. */
  waiting: number
  /** What was spent when that was looked at last. */
  lastSpent: number
  lastSpentAt: number
  /** Spent since this account was opened, whatever the period. */
  spentEver: number
  /** Whether the store was read. */
  isLoaded: boolean
  /** The first reading of the store, while it goes on. */
  loading: Promise<void> | undefined
  /** Notes what the server says is left, and of how much; `place` is of the last call that has begun. */
  sawBalance(remaining: number, limit: number | undefined, now: number, place: number): void
  forgetBalance(): void
  /** What the server said is left, less what was spent since. */
  balance(): number | undefined
  /** The last call that had begun when the server said first that nothing is left, while it does. */
  emptySince: number | undefined
  /** When the balance was last looked at. */
  lookedAt: number
  limit(): number | undefined
  left(now: number): number | undefined
  /** Credits of the limit that are gone, by our count or by the balance. */
  used(now: number): number
  /** Until when what is claimed by a condition is claimed. */
  readonly claimed: Map<string, number>
  /** True for the first to ask in a period, of all that use the store. */
  claim(condition: string, now: number): boolean | Promise<boolean>
}

const MAX_ROWS = 200
const OVERFLOW = '(other)'

/** An empty account, whose store is asked through a breaker. */
export const newAccount = (key: string, settings: Settings, breaker: Breaker): Account => {
  const { calendar, store } = settings
  const fixed = typeof settings.cost === 'number' ? settings.cost : undefined
  const rows = new Map<string, Row>()
  const own = tally(key, calendar, store, breaker)
  let seen: { remaining: number; limit: number | undefined; spentEver: number } | undefined

  const newRow = (name: string): Row => ({
    name,
    tally: tally(`${key}|${name}`, calendar, store, breaker),
    dearest: undefined,
    inFlight: 0,
    awaited: 0,
    settled: 0,
    waiting: new Set(),
  })

  const account: Account = {
    key,
    tally: own,
    burn: newBurn(),
    rows,
    row: (endpoint) => {
      const name = rows.has(endpoint) || rows.size < MAX_ROWS ? endpoint : OVERFLOW
      let row = rows.get(name)
      if (!row) rows.set(name, (row = newRow(name)))
      return row
    },
    expected: (row) => row.dearest ?? account.dearest ?? fixed ?? 0,
    // Anew each time: what one of them turns out to cost is expected of those that were let pass before it.
    reserved: () => {
      let credits = 0
      for (const row of rows.values()) if (row.inFlight > 0) credits += row.inFlight * account.expected(row)
      return tidy(credits)
    },
    inFlight: 0,
    awaited: new Set(),
    dearest: undefined,
    waiting: 0,
    lastSpent: 0,
    lastSpentAt: 0,
    spentEver: 0,
    isLoaded: false,
    loading: undefined,
    sawBalance: (remaining, limit, now, place) => {
      seen = { remaining, limit: limit ?? seen?.limit, spentEver: account.spentEver }
      account.lookedAt = now
      account.emptySince = remaining > 0 ? undefined : (account.emptySince ?? place)
    },
    forgetBalance: () => {
      seen = undefined
      account.emptySince = undefined
    },
    balance: () => {
      if (!seen) return undefined
      return tidy(Math.max(0, seen.remaining - (account.spentEver - seen.spentEver)))
    },
    lookedAt: 0,
    emptySince: undefined,
    limit: () => settings.limit ?? seen?.limit,
    left: (now) => {
      const balance = account.balance()
      if (settings.limit === undefined) return balance
      return tidy(Math.max(0, Math.min(settings.limit - own.spent(now), balance ?? Infinity)))
    },
    used: (now) => {
      const limit = account.limit()
      const balance = account.balance()
      const spent = settings.limit === undefined ? 0 : own.spent(now)
      return limit === undefined || balance === undefined ? spent : tidy(Math.max(spent, limit - balance))
    },
    claimed: new Map(),
    claim: (condition, now) => {
      const slot = calendar.slot(now)
      const until = calendar.rollingMs === undefined ? slot.endsAt : now + calendar.rollingMs
      if ((account.claimed.get(condition) ?? 0) > now) return false
      account.claimed.set(condition, until)
      if (!store) return true
      const counter = `${key}|!${condition}|${calendar.rollingMs === undefined ? slot.id : `${calendar.rollingMs}ms`}`
      // With the store away, an alert too many is better than none.
      let isFirst = true
      const asking = breaker.ask(
        () => store.add(counter, 1, until - now),
        (total) => {
          isFirst = total === 1
        },
      )
      return asking ? asking.then(() => isFirst) : isFirst
    },
  }
  return account
}
