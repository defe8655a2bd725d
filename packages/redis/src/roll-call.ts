import { clock } from '@aplomb/pipeline'
import { partOf } from './share.ts'

/** Who may have calls in flight that a leader does not know of. */
export interface RollCall {
  /** What was stored may be lost: whoever was here may still be, and has not heard of it. */
  lost(members: readonly string[]): void
  /** It is here. Returns whether it was missed. */
  returned(member: string): boolean
  /** Forgets those who have not come back in time. Returns whether there were any. */
  expire(): boolean
  /** A leader begins: whose calls in flight does it have to hear of first? */
  begin(members: readonly string[]): void
  end(): void
  /** It has told. Returns whether it was awaited. */
  told(member: string): boolean
  /** Whether nobody is awaited, among those that may still come. */
  isComplete(members: readonly string[]): boolean
  readonly awaits: boolean
  readonly misses: boolean
  /** What those who are missed may use of a ceiling, on their own. */
  reserved(ceiling: number | undefined): number
  /** The members, and those who are missed. */
  everybody(members: readonly string[]): readonly string[]
}

/** What was told to members before is void within `leaseMs`; one that has not come back may go on with its part for `awayMs`. */
export const newRollCall = (me: string, leaseMs: number, awayMs: number): RollCall => {
  const absent = new Set<string>()
  let absentUntil = 0
  const awaited = new Set<string>()
  let awaitedUntil = 0
  /** Who is awaited although the engine does not know it. */
  let former: readonly string[] = []

  return {
    lost: (members) => {
      for (const one of members) absent.add(one)
      absent.delete(me)
      absentUntil = clock() + awayMs
    },
    returned: (member) => absent.delete(member),
    expire: () => {
      if (absent.size === 0 || clock() < absentUntil) return false
      absent.clear()
      return true
    },
    begin: (members) => {
      former = [...absent, me]
      awaited.clear()
      for (const one of [...former, ...members]) awaited.add(one)
      awaited.delete(me)
      awaitedUntil = clock() + leaseMs
    },
    end: () => awaited.clear(),
    told: (member) => awaited.delete(member),
    isComplete: (members) => {
      for (const one of awaited)
        if (clock() >= awaitedUntil || !(members.includes(one) || former.includes(one))) awaited.delete(one)
      return awaited.size === 0
    },
    get awaits() {
      return awaited.size > 0
    },
    get misses() {
      return absent.size > 0
    },
    reserved: (ceiling) => {
      if (ceiling === undefined || clock() >= absentUntil) return 0
      let sum = 0
      for (const one of absent) sum += partOf(ceiling, former, one)
      return sum
    },
    everybody: (members) => [...new Set([...members, ...absent])],
  }
}
