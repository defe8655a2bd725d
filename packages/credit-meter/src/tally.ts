import type { Calendar, Slot } from './period.ts'
import { tidy, type CreditStore } from './store.ts'

/** What was spent on something in the current period, as far as is known here. */
export interface Tally {
  /** Credits, ours and, in a shared store, those of others. */
  spent(now: number): number
  /** Attempts that this process made. */
  attempts(now: number): number
  /** Counts an attempt. The promise, if any, ends when the store has it; it never rejects. */
  add(credits: number, now: number): void | Promise<void>
  /** Reads the store. The promise, if any, never rejects. */
  load(now: number): void | Promise<void>
}

/** A count as the store gave it last, and what it does not have yet. */
interface Count {
  readonly slot: Slot
  confirmed: number
  pending: number
  unsaved: number
  attempts: number
}

/** Long enough for other processes' clocks, and for a last look at a period that has just ended. */
const SLACK_MS = 3_600_000

/** Counts under a name in a store. `failed` hears of the store's errors, and with `undefined` that it works again. */
export const tally = (
  name: string,
  calendar: Calendar,
  store: CreditStore,
  failed: (error?: unknown) => void,
): Tally => {
  const counts = new Map<string, Count>()

  const countOf = (slot: Slot): Count => {
    let count = counts.get(slot.id)
    if (!count) counts.set(slot.id, (count = { slot, confirmed: 0, pending: 0, unsaved: 0, attempts: 0 }))
    return count
  }

  const sum = (now: number, of: (count: Count) => number): number => {
    let total = 0
    for (const [id, count] of counts) {
      if (count.slot.countsUntil <= now) counts.delete(id)
      else total += of(count)
    }
    return total
  }

  // Answers may overtake each other; a counter only grows.
  const confirm = (count: Count, total: number | undefined): void => {
    failed(undefined)
    count.confirmed = Math.max(count.confirmed, total ?? 0)
  }

  /** Runs a step on the store, which may answer at once, later, or never well. */
  const ask = <T>(
    question: () => T | Promise<T>,
    answered: (value: T) => void,
    lost: () => void,
  ): void | Promise<void> => {
    const fail = (error: unknown): void => {
      lost()
      failed(error ?? new Error('the store failed without a reason'))
    }
    try {
      const answer = question()
      return answer instanceof Promise ? answer.then(answered).catch(fail) : answered(answer)
    } catch (error) {
      return fail(error)
    }
  }

  const read = (slot: Slot): void | Promise<void> =>
    ask(
      () => store.get(`${name}|${slot.id}`),
      (total) => {
        if (total !== undefined) confirm(countOf(slot), total)
      },
      () => undefined,
    )

  return {
    spent: (now) => tidy(sum(now, ({ confirmed, pending, unsaved }) => confirmed + pending + unsaved)),
    attempts: (now) => sum(now, ({ attempts }) => attempts),
    add: (credits, now) => {
      const slot = calendar.slot(now)
      const count = countOf(slot)
      count.attempts++
      const amount = tidy(credits + count.unsaved)
      if (amount === 0) return
      count.unsaved = 0
      count.pending += amount
      return ask(
        () => store.add(`${name}|${slot.id}`, amount, slot.countsUntil - now + SLACK_MS),
        (total) => {
          count.pending -= amount
          confirm(count, total)
        },
        () => {
          count.pending -= amount
          count.unsaved += amount
        },
      )
    },
    load: (now) => {
      const work = [...calendar.earlier(now), calendar.slot(now)].map(read).filter((one) => one !== undefined)
      return work.length > 0 ? Promise.all(work).then(() => undefined) : undefined
    },
  }
}
