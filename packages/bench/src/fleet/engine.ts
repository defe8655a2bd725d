import { type Engine, memoryEngine } from '@aplomb/redis'

export interface CountedEngine extends Engine {
  turns(): number
}

/** An engine in memory as far away as one in the same data centre, that counts what it is asked. */
export const distantEngine = (roundTripMs: number): CountedEngine => {
  const engine = memoryEngine()
  const way = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, roundTripMs / 2))
  let turns = 0
  return {
    turns: () => turns,
    turn: async (report) => {
      turns++
      await way()
      const reply = await engine.turn(report)
      await way()
      return reply
    },
    listen: (member, push) =>
      engine.listen?.(member, (...mail) => void way().then(() => push(...mail))) ?? (() => undefined),
  }
}
