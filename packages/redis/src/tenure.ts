import { clock } from '@aplomb/pipeline'

/**
 * Hysteresis of sticky slots: a member gets one after so many requests over so many milliseconds, with an empty queue and no burst.
 * A slot that outlives a burst would keep the key from coming to rest, and the next burst would be as large at once.
 */
const STEADY_TIMES = 8
const STEADY_MS = 250
/** As many calls at once as a lone client begins with, too: more, soon after a member had asked for none, are a burst. */
const OPENING = 4
/** A member with more slots asks for the others: what it has used up at once comes back to rest. */
const MOST_SLOTS = 16
/**
 * The line goes round in so many milliseconds, or with each call: within a second all have had about as much (Jain's index of
 * 0.95). Without stints each call of a full key waits for two turns of the engine, and its place is empty meanwhile.
 */
const ROUND_MS = 1000 / 6

/** Which members need not ask for each call: the steady ones, as long as nobody waits; in turn, where all wait. */
export interface Tenure {
  /** A member was let through without waiting; `asked` of its calls are in flight through the leader. */
  passed(owner: string, asked: number): void
  /** It may keep a slot, as far as it goes by it. */
  maySlot(owner: string): boolean
  slotted(owner: string): void
  /** A call goes, of a member. */
  goes(owner: string): void
  /** A place goes to a member, among so many who wait and so many places. Returns for how long it may use it for any of its calls. */
  beginStint(owner: string, urgency: number, places: number, waiting: number): number
  /** A call has to wait: of a member that has others under way, or has none. */
  waits(owner: string, urgency: number, others: boolean): void
  /** Nobody keeps anything. */
  recall(): void
  forget(isGone: (owner: string) => boolean): void
}

export const newTenure = (tell: (owner: string) => void): Tenure => {
  /** How often each has asked since when, while nobody waited. */
  const steady = new Map<string, { times: number; readonly since: number; at: number; restedAt: number }>()
  /** How many each has. */
  const slots = new Map<string, number>()
  /** Of whom the least urgent call is that urgent. */
  const stints = new Map<string, number>()
  /** Who had nothing under way before, and waits: nobody is to wait for a round who comes seldom. */
  const seldom = new Set<string>()

  const end = (of: Map<string, number>): void => {
    for (const owner of of.keys()) tell(owner)
    of.clear()
  }

  const endSlots = (): void => {
    steady.clear()
    end(slots)
  }

  const isSteady = (owner: string): boolean => {
    const { times, since } = steady.get(owner) ?? { times: 0, since: Infinity }
    return times >= STEADY_TIMES && clock() - since >= STEADY_MS
  }

  return {
    passed: (owner, asked) => {
      const now = Math.floor(clock())
      const known = steady.get(owner) ?? { times: 0, since: now, at: -Infinity, restedAt: -Infinity }
      if (asked === 1) known.restedAt = now
      // Calls that come together count as one.
      if (now > known.at) known.times++
      known.at = now
      if (asked > OPENING && now - known.restedAt < STEADY_MS) steady.delete(owner)
      else steady.set(owner, known)
    },
    maySlot: (owner) => (slots.get(owner) ?? 0) < MOST_SLOTS && isSteady(owner),
    slotted: (owner) => void slots.set(owner, (slots.get(owner) ?? 0) + 1),
    goes: (owner) => void seldom.delete(owner),
    beginStint: (owner, urgency, places, waiting) => {
      if (seldom.size > 0) return 0
      stints.set(owner, Math.max(stints.get(owner) ?? 0, urgency))
      return ROUND_MS * Math.min(1, places / Math.max(1, waiting))
    },
    waits: (owner, urgency, others) => {
      endSlots()
      if (!others) seldom.add(owner)
      if (!others || [...stints.values()].some((theirs) => theirs > urgency)) end(stints)
    },
    recall: () => {
      endSlots()
      end(stints)
    },
    forget: (isGone) => {
      for (const its of [steady, slots, stints, seldom])
        for (const owner of its.keys()) if (isGone(owner)) its.delete(owner)
    },
  }
}
