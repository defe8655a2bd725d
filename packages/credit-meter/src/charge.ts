import type { Account, Row } from './account.ts'
import type { Breaker } from './breaker.ts'

/** What was spent since the last look: by us, and in a shared store by others. */
const noteBurn = (account: Account, atLeast: number, now: number): void => {
  const spent = account.tally.spent(now)
  // A clock that was set back brings credits back that were counted long ago.
  const isBack = now < account.lastSpentAt
  const credits = isBack ? atLeast : Math.max(atLeast, spent - account.lastSpent)
  account.burn.note(credits, now)
  account.spentEver += credits
  account.lastSpent = spent
  account.lastSpentAt = now
}

/**
 * Counts an attempt; `typical` if those that follow may cost as much. The promise, if any, ends when the store has it;
 * it never rejects.
 */
export const charge = (
  account: Account,
  row: Row,
  cost: number,
  typical: boolean,
  now: number,
): void | Promise<void> => {
  const writes = [account.tally.add(cost, now), row.tally.add(cost, now)].filter((one) => one !== undefined)
  if (typical) {
    row.dearest = Math.max(row.dearest ?? 0, cost)
    account.dearest = Math.max(account.dearest ?? 0, cost)
  }
  noteBurn(account, cost, now)
  if (writes.length === 0) return undefined
  return Promise.all(writes).then(() => noteBurn(account, 0, Date.now()))
}

/** Reads what the store has. The promise, if any, never rejects. */
export const load = (account: Account, breaker: Breaker, now: number): void | Promise<void> => {
  const loaded = (): void => {
    account.loading = undefined
    account.isLoaded = breaker.isClosed()
    account.lastSpent = account.tally.spent(Date.now())
  }
  const reading = account.tally.load(now)
  if (!reading) return loaded()
  return (account.loading = reading.then(loaded))
}
