import { clock, type Verdict } from '@aplomb/pipeline'
import type { Sent } from './sent.ts'

/** Slots of a server that does not say: few. Fewer, and a contended key waits for longer than a slot takes to come free. */
const ASSUMED_SLOTS = 3
/** Share of an answer's time for which a slot that came free is left free. Without it, clients that have none find none: goodput of eight falls. */
const YIELD_FRACTION = 0.05
/** In milliseconds: a single answer may take minutes, and nobody is kept out for that long. */
const LONGEST_YIELD_MS = 500

/** What a header says of the slots, on an answer. */
export interface Announcement {
  /** Slots in all, what other clients use of them, and what is left for us. */
  readonly slots: number
  readonly others: number
  readonly share: number
  /** The ceiling until now. */
  readonly before: number
  /** Whether it was the first one, and whether it says something new. */
  readonly first: boolean
  readonly news: boolean
}

/** Who set the ceiling. */
type Origin = 'nobody' | 'user' | 'refusals' | 'server'

/** The ceiling of what is in flight: announced by the server, learned from its refusals, or the user's. */
export interface Ceiling {
  most(): number
  /** The user's own. */
  readonly fixed: number | undefined
  announced(): boolean
  /** Whether it is less than the user allows, and not the server's own word: then it is probed. */
  learned(): boolean
  /** Slots of the server in all, as far as it says. */
  slots(): number
  /** Reads what an answer announces. */
  heed(verdict: Verdict, sent: Sent, active: number): Announcement | undefined
  /** Whether enough slots are free to double, if the last answer says: as many as ours, or any where nobody else is. */
  roomToDouble(limit: number): boolean | undefined
  /** That many are what the server takes, as its refusals tell. */
  learn(most: number): void
  /** So many more than were learned. */
  raise(by: number): number
  /** What was learned was no ceiling. */
  forget(): void
  /** Whether one more stays within what is certain: the user's word and the server's. */
  allows(active: number, streams: number): boolean
  /** Milliseconds for which a slot is left free for others. */
  yieldMs(): number
}

export const newCeiling = (fixed: number | undefined): Ceiling => {
  const unlearned = fixed === undefined ? 'nobody' : 'user'
  let origin: Origin = unlearned
  let most = fixed ?? Infinity
  let slots = ASSUMED_SLOTS
  /** What the last answer has shown. */
  let unused: number | undefined
  let others = 0
  let yieldUntil = 0
  return {
    fixed,
    most: () => most,
    announced: () => origin === 'server',
    learned: () => origin !== 'server' && most < (fixed ?? Infinity),
    slots: () => slots,
    heed: ({ limits: { concurrency } }, sent, active) => {
      const { limit: named, active: used, remaining } = concurrency ?? {}
      const announced = named ?? (used !== undefined && remaining !== undefined ? used + remaining : undefined)
      unused = undefined
      if (announced === undefined || announced < 1) return undefined
      others = Math.max(0, (used ?? 0) - Math.max(active, sent.active))
      const share = Math.max(1, Math.min(fixed ?? Infinity, announced - others))
      const first = origin !== 'server'
      const announcement = { slots: announced, others, share, before: most, first, news: first || share !== most }
      slots = announced
      most = share
      origin = 'server'
      if (used === undefined) return announcement
      unused = slots - used
      if (others > 0 && unused <= 0)
        yieldUntil = clock() + Math.min(LONGEST_YIELD_MS, (clock() - sent.at) * YIELD_FRACTION)
      return announcement
    },
    roomToDouble: (limit) => (unused === undefined ? undefined : unused >= (others > 0 ? limit : 1)),
    learn: (learned) => {
      if (origin === 'server') return
      most = learned
      origin = 'refusals'
    },
    raise: (by) => (most += by),
    forget: () => {
      if (origin === 'server') return
      most = fixed ?? Infinity
      origin = unlearned
    },
    allows: (active, streams) =>
      active < (fixed ?? Infinity) && (origin !== 'server' || active < slots || active === streams),
    yieldMs: () => yieldUntil - clock(),
  }
}
