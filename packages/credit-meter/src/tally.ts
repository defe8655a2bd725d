import type { Ask, Breaker } from './breaker.ts'
import type { Calendar, Slot } from './period.ts'
import { isCost } from './cost.ts'
import { tidy, type CreditStore } from './store.ts'

/** What was spent on something in the current period, as far as is known here. */
export interface Tally {
  /** Credits, ours and, in a shared store, those of others. */
  spent(now: number): number
  /** Attempts that this process made. */
  attempts(now: number): number
  /** Whether the store has all that was counted here. */
  isSaved(now: number): boolean
  /** Counts an attempt. The promise, if any, ends when the store has it, or is away; it never rejects. */
  add(credits: number, now: number): void | Promise<void>
  /** Reads the store. The promise, if any, never rejects. */
  load(now: number): void | Promise<void>
  /** Reads the current counter alone, by another way of asking. */
  probe(now: number, ask: Ask): void | Promise<void>
  /** Writes what the store has missed, by another way of asking. */
  save(now: number, ask: Ask): void | Promise<void>
  /** What counts now, by when it ends to. */
  parts(now: number): readonly Part[]
  /** Takes over a part of another tally; no store hears of it. */
  put(part: Part): void
}

/** What was spent, and is forgotten at the same time. */
interface Part {
  /** Until when it counts. */
  readonly until: number
  readonly credits: number
  readonly attempts: number
}

/**
 * A count as the store gave it last, and what it does not have yet. Pending: it was told, and has not answered. That is
 * not told twice, as it may have arrived.
 */
interface Count {
  readonly slot: Pick<Slot, 'id' | 'countsUntil'>
  confirmed: number
  pending: number
  unsaved: number
  attempts: number
}

/** Long enough for other processes' clocks, and for a last look at a period that has just ended. */
const SLACK_MS = 3_600_000

const together = (work: readonly (void | Promise<void>)[]): void | Promise<void> => {
  const rest = work.filter((one) => one !== undefined)
  return rest.length > 0 ? Promise.all(rest).then(() => undefined) : undefined
}

/** Counts under a name in a store, if there is one, which is asked through a breaker. */
export const tally = (name: string, calendar: Calendar, store: CreditStore | undefined, breaker: Breaker): Tally => {
  const counts = new Map<string, Count>()

  const countOf = (slot: Pick<Slot, 'id' | 'countsUntil'>): Count => {
    let count = counts.get(slot.id)
    if (!count) counts.set(slot.id, (count = { slot, confirmed: 0, pending: 0, unsaved: 0, attempts: 0 }))
    return count
  }

  const sum = (now: number, of: (count: Count) => number): number => {
    let total = 0
    for (const [id, count] of counts) {
      const { countsUntil } = count.slot
      // Kept for one more period: a clock that is set back must not find the old budget unspent.
      if (countsUntil + calendar.lengthMs(now) <= now) counts.delete(id)
      else if (countsUntil > now) total += of(count)
    }
    return total
  }

  // Answers may overtake each other; a counter only grows. What is no number of credits says nothing.
  const confirm = (count: Count, total: number | undefined): void => {
    if (isCost(total)) count.confirmed = Math.max(count.confirmed, total)
  }

  const read = (slot: Slot, ask: Ask): void | Promise<void> =>
    store &&
    ask(
      () => store.get(`${name}|${slot.id}`),
      (total) => {
        if (total !== undefined) confirm(countOf(slot), total)
      },
    )

  const write = (count: Count, now: number, ask: Ask): void | Promise<void> => {
    const { slot } = count
    const amount = tidy(count.unsaved)
    if (!store || amount === 0) return undefined
    return ask(
      () => {
        count.unsaved = 0
        count.pending += amount
        return store.add(`${name}|${slot.id}`, amount, slot.countsUntil - now + SLACK_MS)
      },
      (total) => {
        count.pending -= amount
        confirm(count, total)
      },
      () => {
        count.pending -= amount
        count.unsaved += amount
      },
    )
  }

  return {
    spent: (now) => tidy(sum(now, ({ confirmed, pending, unsaved }) => confirmed + pending + unsaved)),
    attempts: (now) => sum(now, ({ attempts }) => attempts),
    isSaved: (now) => tidy(sum(now, ({ pending, unsaved }) => pending + unsaved)) === 0,
    add: (credits, now) => {
      const count = countOf(calendar.slot(now))
      count.attempts++
      if (!store) count.confirmed += credits
      else count.unsaved += credits
      return write(count, now, breaker.ask)
    },
    load: (now) => together([...calendar.earlier(now), calendar.slot(now)].map((slot) => read(slot, breaker.ask))),
    probe: (now, ask) => read(calendar.slot(now), ask),
    save: (now, ask) => {
      const live = [...counts.values()].filter(({ slot }) => slot.countsUntil > now)
      return together(live.map((count) => write(count, now, ask)))
    },
    parts: (now) =>
      Array.from(counts.values(), ({ slot, confirmed, pending, unsaved, attempts }) => ({
        until: slot.countsUntil,
        credits: confirmed + pending + unsaved,
        attempts,
      })).filter(({ until }) => until > now),
    put: ({ until, credits, attempts }) => {
      const count = countOf({ id: `until ${until}`, countsUntil: until })
      count.confirmed += credits
      count.attempts += attempts
    },
  }
}
