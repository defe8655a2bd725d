import type { Call } from '@aplomb/pipeline'
import type { Account, Row } from './account.ts'
import { BudgetExceededError } from './errors.ts'
import type { Settings } from './options.ts'
import { tidy } from './store.ts'

/** How often one call may look whether an empty balance was topped up. It costs nothing: there is nothing left. */
const LOOK_MS = 60_000

/** Waits until another call of the account has ended. */
const change = (account: Account, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const done = (): void => {
      account.waiting.delete(done)
      signal.removeEventListener('abort', done)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    account.waiting.add(done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })

/** Sets aside what a call is expected to cost. The returned function ends that, once. */
export const reserve = (account: Account, row: Row): (() => void) => {
  const expected = row.dearest ?? account.dearest ?? 0
  account.reserved = tidy(account.reserved + expected)
  account.inFlight++
  row.inFlight++
  let held = true
  return () => {
    if (!held) return
    held = false
    account.reserved = tidy(account.reserved - expected)
    account.inFlight--
    row.inFlight--
    row.settled++
    for (const wake of account.waiting) wake()
  }
}

/**
 * Whether nobody knows what a call of this endpoint costs and enough calls are out to learn it. One at first; more
 * with each that ended without telling, so that an outage does not make a queue.
 */
const isLearning = (account: Account, row: Row): boolean => {
  if (row.dearest !== undefined) return false
  return row.inFlight > row.settled || (account.dearest === undefined && account.inFlight > row.settled)
}

/**
 * Lets a call pass if all that is spent, in flight, and to be spent by it stays within `stopAt`. If that hangs on what
 * the calls in flight will cost, it waits for them. Gives the function that ends its reservation.
 *
 * @throws {BudgetExceededError} if there is no room, whatever those cost.
 */
export const admit = async (account: Account, row: Row, settings: Settings, call: Call): Promise<() => void> => {
  const { limit = 0, stopAt = 100, calendar } = settings
  const stop = tidy((limit * stopAt) / 100)
  for (;;) {
    const now = Date.now()
    const expected = row.dearest ?? account.dearest ?? 0
    const used = account.used(now)
    if (used >= stop || tidy(used + expected) > stop) {
      // Only the server's word, not our own count, may have changed behind our back.
      const mayLook =
        account.balance() === 0 && tidy(account.tally.spent(now) + expected) <= stop && account.inFlight === 0
      if (mayLook && now - account.lookedAt >= LOOK_MS) {
        account.lookedAt = now
        return reserve(account, row)
      }
      const resetAt = new Date(calendar.bounds(now).endsAt)
      throw new BudgetExceededError({ key: account.key, endpoint: row.name, used, expected, limit, stopAt, resetAt })
    }
    if (tidy(used + account.reserved + expected) <= stop && !isLearning(account, row)) return reserve(account, row)
    await change(account, call.signal)
  }
}
