import { type Call, clock, later, onAbort } from '@aplomb/pipeline'
import type { Account, Reservation, Row, Waiter } from './account.ts'
import { BudgetExceededError } from './errors.ts'
import type { Settings } from './options.ts'
import { tidy } from './store.ts'

/** How often one call may look whether an empty balance was topped up. It costs nothing: there is nothing left. */
const LOOK_MS = 60_000

/**
 * How long a call in flight is waited for. Most answers take less; one that takes longer may be a stream that stays
 * open for an hour, and what it will cost stays reserved.
 */
const OVERDUE_MS = 10_000

/** So many times a call waits for that long: a minute in all, then it goes or is refused by what is known. */
const MAX_ROUNDS = 6

const wakeFirst = (row: Row): void => {
  for (const waiter of row.waiting) {
    waiter.wake()
    return
  }
}

const stopAwaiting = (account: Account, reservation: Reservation): void => {
  if (account.awaited.delete(reservation)) reservation.row.awaited--
}

const dropOverdue = (account: Account): void => {
  const now = clock()
  for (const reservation of account.awaited) {
    if (now - reservation.since < OVERDUE_MS) return
    stopAwaiting(account, reservation)
  }
}

/** Sets aside what a call is expected to cost. The returned function ends that, once. */
export const reserve = (account: Account, row: Row): (() => void) => {
  const reservation = { row, since: clock() }
  account.inFlight++
  row.inFlight++
  account.awaited.add(reservation)
  row.awaited++
  let held = true
  return () => {
    if (!held) return
    held = false
    stopAwaiting(account, reservation)
    account.inFlight--
    row.inFlight--
    row.settled++
    if (account.waiting > 0) for (const one of account.rows.values()) wakeFirst(one)
  }
}

/**
 * Whether nobody knows what a call of this endpoint costs and enough calls are out to learn it. One at first; more
 * with each that ended without telling, or is overdue, so that neither an outage nor a stream makes a queue.
 */
const isLearning = (account: Account, row: Row): boolean => {
  if (row.dearest !== undefined) return false
  const overdueHere = row.inFlight - row.awaited
  const overdue = account.inFlight - account.awaited.size
  if (row.awaited > row.settled + overdueHere) return true
  return account.dearest === undefined && account.awaited.size > row.settled + overdue
}

/**
 * Gives the function that ends the reservation, or nothing if the call should wait for what those in flight will cost.
 * One that has waited long enough goes if there is room even if they cost what is expected.
 */
const attempt = (
  account: Account,
  row: Row,
  { limit = 0, stopAt = 100, calendar }: Settings,
  hasWaited: boolean,
): (() => void) | undefined => {
  dropOverdue(account)
  const now = Date.now()
  const stop = tidy((limit * stopAt) / 100)
  const expected = account.expected(row)
  const used = account.used(now)
  let reserved = 0
  if (used < stop && tidy(used + expected) <= stop) {
    reserved = account.reserved()
    const hasRoom = tidy(used + reserved + expected) <= stop
    if (hasRoom && (hasWaited || !isLearning(account, row))) return reserve(account, row)
    if (!hasWaited && account.awaited.size > 0) return undefined
  } else {
    // Only the server's word, not our own count, may have changed behind our back.
    const isOnlyBalance = account.balance() === 0 && tidy(account.tally.spent(now) + expected) <= stop
    if (isOnlyBalance && account.awaited.size === 0 && now - account.lookedAt >= LOOK_MS) {
      account.lookedAt = now
      return reserve(account, row)
    }
  }
  const resetAt = new Date(calendar.bounds(now).endsAt)
  const facts = { key: account.key, endpoint: row.name, used, expected, reserved, limit, stopAt, resetAt }
  throw new BudgetExceededError(facts)
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
 * @throws {BudgetExceededError} if there is no room, whatever those cost, or if they do not tell that in time.
 */
export const admit = async (account: Account, row: Row, settings: Settings, call: Call): Promise<() => void> => {
  if (row.waiting.size === 0) {
    const release = attempt(account, row, settings, false)
    if (release) return release
  } else {
    // Some of those it waits for may be overdue by now.
    wakeFirst(row)
  }
  const waiter: Waiter = { wake: () => undefined }
  row.waiting.add(waiter)
  account.waiting++
  let rounds = 0
  const overdue = (): ReturnType<typeof setTimeout> =>
    later(() => {
      rounds++
      timer = overdue()
      waiter.wake()
    }, OVERDUE_MS)
  let timer = overdue()
  try {
    for (;;) {
      await wake(waiter, call.signal)
      const release = attempt(account, row, settings, rounds >= MAX_ROUNDS)
      if (release) return release
    }
  } finally {
    clearTimeout(timer)
    row.waiting.delete(waiter)
    account.waiting--
    // One wakes the next, until one has to wait: it is not for each to find out.
    wakeFirst(row)
  }
}
