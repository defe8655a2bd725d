import { type Call, onAbort } from '@aplomb/pipeline'
import type { Account, Row, Waiter } from './account.ts'
import { BudgetExceededError } from './errors.ts'
import type { Settings } from './options.ts'
import { tidy } from './store.ts'

/** How often one call may look whether an empty balance was topped up. It costs nothing: there is nothing left. */
const LOOK_MS = 60_000

const wakeFirst = (row: Row): void => {
  for (const waiter of row.waiting) {
    waiter.wake()
    return
  }
}

/** Sets aside what a call is expected to cost. The returned function ends that, once. */
export const reserve = (account: Account, row: Row): (() => void) => {
  account.inFlight++
  row.inFlight++
  let held = true
  return () => {
    if (!held) return
    held = false
    account.inFlight--
    row.inFlight--
    row.settled++
    if (account.waiting > 0) for (const one of account.rows.values()) wakeFirst(one)
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

/** Gives the function that ends the reservation, or nothing if it hangs on what the calls in flight will cost. */
const attempt = (
  account: Account,
  row: Row,
  { limit = 0, stopAt = 100, calendar }: Settings,
): (() => void) | undefined => {
  const now = Date.now()
  const stop = tidy((limit * stopAt) / 100)
  const expected = account.expected(row)
  const used = account.used(now)
  if (used < stop && tidy(used + expected) <= stop) {
    const hangsOnOthers = tidy(used + account.reserved() + expected) > stop || isLearning(account, row)
    return hangsOnOthers ? undefined : reserve(account, row)
  }
  // Only the server's word, not our own count, may have changed behind our back.
  const isOnlyBalance = account.balance() === 0 && tidy(account.tally.spent(now) + expected) <= stop
  if (isOnlyBalance && account.inFlight === 0 && now - account.lookedAt >= LOOK_MS) {
    account.lookedAt = now
    return reserve(account, row)
  }
  const resetAt = new Date(calendar.bounds(now).endsAt)
  throw new BudgetExceededError({ key: account.key, endpoint: row.name, used, expected, limit, stopAt, resetAt })
}

const wake = (waiter: Waiter, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const done = (): void => {
      stopListening()
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    waiter.wake = done
    const stopListening = onAbort(signal, done)
    if (signal.aborted) done()
  })

/**
 * Lets a call pass if all that is spent, in flight, and to be spent by it stays within `stopAt`. If that hangs on what
 * the calls in flight will cost, it waits for them, behind those of its endpoint that wait already. Gives the function
 * that ends its reservation.
 *
 * @throws {BudgetExceededError} if there is no room, whatever those cost.
 */
export const admit = async (account: Account, row: Row, settings: Settings, call: Call): Promise<() => void> => {
  const first = row.waiting.size === 0 ? attempt(account, row, settings) : undefined
  if (first) return first
  const waiter: Waiter = { wake: () => undefined }
  row.waiting.add(waiter)
  account.waiting++
  try {
    for (;;) {
      await wake(waiter, call.signal)
      const release = attempt(account, row, settings)
      if (release) return release
    }
  } finally {
    row.waiting.delete(waiter)
    account.waiting--
    // One wakes the next, until one has to wait: it is not for each to find out.
    wakeFirst(row)
  }
}
