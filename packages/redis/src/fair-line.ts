import { type Call, type Entry, newOrdered, type Ordered } from '@aplomb/pipeline'

/** A twentieth of the throughput goes by turns alone: without it, a member's urgent calls can keep others out for ever. */
const BY_TURNS_EVERY = 20

/** Those of one member that wait, in their own order. */
interface Share {
  readonly line: Ordered
  /** Its finish tag: how many calls of each member that always waits have left (start-time fair queueing, Goyal 1996). */
  tag: number
}

/**
 * The order of calls of several members: by urgency, among equals by turns. One member's calls stand as in any line.
 * `hasGone`: a call that leaves was sent in place of another of its member; that was a turn, too.
 */
export const newFairLine = (ownerOf: (call: Call) => string, hasGone: (call: Call) => boolean): Ordered => {
  const shares = new Map<string, Share>()
  /** The tag of the member that was served last. */
  let virtualTime = 0
  let taken = 0

  const shareOf = (call: Call): Share => {
    const owner = ownerOf(call)
    const known = shares.get(owner)
    if (known) return known
    // Who waits no more has no turn to make up for.
    const least = startTag()
    for (const [one, { line, tag }] of shares) if (line.size === 0 && tag <= least) shares.delete(one)
    const made = { line: newOrdered(), tag: 0 }
    shares.set(owner, made)
    return made
  }

  /** Where one begins that comes to wait: with those who have waited for longest. */
  const startTag = (): number => {
    let least = Infinity
    for (const { line, tag } of shares.values()) if (line.size > 0) least = Math.min(least, tag)
    return Math.min(least, virtualTime)
  }

  const charge = (share: Share): void => {
    virtualTime = Math.max(virtualTime, share.tag)
    share.tag++
    taken++
  }

  const next = (fresh: boolean): Entry | undefined => {
    const byTurns = taken % BY_TURNS_EVERY === BY_TURNS_EVERY - 1
    let best: Entry | undefined
    let bestTag = Infinity
    for (const { line, tag } of shares.values()) {
      const first = line.size > 0 ? line.first(fresh) : undefined
      if (!first) continue
      const urgent = best === undefined || byTurns ? 0 : first.urgency - best.urgency
      if (urgent > 0 || (urgent === 0 && tag >= bestTag)) continue
      best = first
      bestTag = tag
    }
    return best
  }

  return {
    get size() {
      let size = 0
      for (const { line } of shares.values()) size += line.size
      return size
    },
    first: next,
    join: (entry, inFront) => {
      const share = shareOf(entry.call)
      if (share.line.size === 0) share.tag = Math.max(share.tag, startTag())
      share.line.join(entry, inFront)
    },
    holds: (entry) => shares.get(ownerOf(entry.call))?.line.holds(entry) ?? false,
    leave: (entry) => {
      const share = shareOf(entry.call)
      share.line.leave(entry)
      if (hasGone(entry.call)) charge(share)
    },
    took: (entry) => {
      const share = shareOf(entry.call)
      share.line.took(entry)
      charge(share)
    },
    *[Symbol.iterator]() {
      for (const { line } of shares.values()) yield* line
    },
  }
}
