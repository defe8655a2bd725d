import { clock } from '@aplomb/pipeline'

/** A member's part of what all may have in flight, while they cannot ask each other: the remainder goes by rank. */
export const partOf = (ceiling: number, members: readonly string[], member: string): number => {
  const rank = members.toSorted().indexOf(member)
  const count = Math.max(1, members.length)
  return Math.floor(ceiling / count) + (rank < ceiling % count ? 1 : 0)
}

/** What of a ceiling is ours. */
export interface Share {
  /** Of so many in all, if that is known. */
  begin(ceiling: number | undefined, members: readonly string[], me: string): void
  /** For how long a call has to wait with so many of this member in flight, in milliseconds. */
  waitMs(inFlight: number): number
}

/** One who has no part sends one at a time after `awayMs`. */
export const newShare = (awayMs: number): Share => {
  let part = Infinity
  let loneAt = 0
  return {
    begin: (ceiling, members, me) => {
      part = ceiling === undefined ? Infinity : partOf(ceiling, members, me)
      loneAt = clock() + awayMs
    },
    waitMs: (inFlight) => {
      if (inFlight < part) return 0
      if (part > 0 || inFlight > 0) return Infinity
      return Math.max(0, loneAt - clock())
    },
  }
}
