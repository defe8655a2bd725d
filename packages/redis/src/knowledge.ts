import { clock } from '@aplomb/pipeline'
import type { Known, ToldVerdict } from './messages.ts'

/** What everybody of a key should know, whoever has heard it: it survives the leader. */
export interface Knowledge {
  note(known: Known): void
  /** Oldest first. */
  list(): readonly Known[]
}

interface Noted {
  readonly verdict: ToldVerdict
  readonly at: number
}

export const newKnowledge = (): Knowledge => {
  const newest = new Map<'windows' | 'ceiling', Noted>()
  let hold: Noted | undefined

  const endOf = ({ at, verdict }: Noted): number => at + (verdict.retryAfterMs ?? 0)

  return {
    note: ({ verdict, ageMs }) => {
      const noted = { verdict, at: clock() - ageMs }
      const { limits } = verdict
      if (endOf(noted) > Math.max(clock(), hold ? endOf(hold) : -Infinity)) hold = noted
      const isNews = (of: 'windows' | 'ceiling'): boolean => noted.at >= (newest.get(of)?.at ?? -Infinity)
      if (limits.windows.length > 0 && isNews('windows')) newest.set('windows', noted)
      if (limits.concurrency && isNews('ceiling')) newest.set('ceiling', noted)
    },
    list: () => {
      const now = clock()
      if (hold && endOf(hold) <= now) hold = undefined
      return [...new Set([...newest.values(), ...(hold ? [hold] : [])])]
        .toSorted((a, b) => a.at - b.at)
        .map(({ verdict, at }) => ({ verdict, ageMs: now - at }))
    },
  }
}
