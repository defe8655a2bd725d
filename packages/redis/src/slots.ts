import { clock } from '@aplomb/pipeline'

/** A place in flight that a member keeps: one of its calls after the other may be sent on it, without asking. */
export interface Slot {
  /** What the leader calls it. */
  readonly n: number
  busy: boolean
  /** Whether it is to be given back. */
  recalled: boolean
  usedAt: number
  /** Until when its next call may begin, on the `clock`. */
  readonly until: number
}

/** The slots that a member has been given. */
export interface Slots {
  add(n: number): void
  /** One for calls that wait, for so long in milliseconds: it is in use until it is given back. */
  lend(n: number, ms: number): Slot
  /** Whether another call may begin on it. */
  lasts(slot: Slot): boolean
  /** One for a call that begins. */
  take(): Slot | undefined
  free(slot: Slot): void
  /** Others wait: they are given back, those in use as soon as they are free. */
  recall(): void
  /** Gives back what was not used for long. */
  tidy(): void
  /** A new leader knows nothing of them: those in use are not given back. */
  clear(): void
}

/** More are given back at once: nobody has use for them, whatever a leader says. */
const MOST_SLOTS = 1000

export const newSlots = (idleMs: number, giveBack: (ns: readonly number[]) => void): Slots => {
  let slots: Slot[] = []

  const giveBackIf = (isOver: (slot: Slot) => boolean): void => {
    const over = slots.filter((slot) => !slot.busy && isOver(slot))
    if (over.length === 0) return
    slots = slots.filter((slot) => !over.includes(slot))
    giveBack(over.map(({ n }) => n))
  }

  const lasts: Slots['lasts'] = ({ recalled, until }) => !recalled && clock() < until

  return {
    add: (n) => {
      if (slots.length < MOST_SLOTS) slots.push({ n, busy: false, recalled: false, usedAt: clock(), until: Infinity })
      else giveBack([n])
    },
    lend: (n, ms) => {
      const slot = { n, busy: true, recalled: false, usedAt: clock(), until: clock() + ms }
      slots.push(slot)
      return slot
    },
    lasts,
    take: () => {
      // The last one first: so those that are too many come to be idle.
      const slot = slots.findLast(({ busy, recalled }) => !busy && !recalled)
      if (slot) slot.busy = true
      return slot
    },
    free: (slot) => {
      slot.busy = false
      slot.usedAt = clock()
      if (slot.recalled || slot.until < Infinity) giveBackIf((one) => one === slot)
    },
    recall: () => {
      for (const slot of slots) slot.recalled = true
      giveBackIf(() => true)
    },
    tidy: () => giveBackIf(({ usedAt }) => clock() - usedAt >= idleMs),
    clear: () => {
      for (const slot of slots) slot.recalled = true
      slots = []
    },
  }
}
