import type { Report } from './report.ts'

/** The reset that was told last, and what it does not know of. */
export interface ToldReset {
  /** An answer tells it, with so much charged by then. */
  learn(report: Report, charged: number, now: number): void
  /** What was charged by then was so much more than it was taken for. */
  settled(more: number): void
  /** Milliseconds until then; later, if what is asked for until it, in all that is charged, is more than it gives back. */
  dueMs(now: number, asked?: number): number
}

export const newToldReset = (): ToldReset => {
  let dueAt = 0
  let told = 0
  /** How long each unit takes to come back of what had been charged. */
  let perUnitMs = 0
  return {
    learn: ({ limit = 0, remaining, resetMs }, charged, now) => {
      dueAt = now + resetMs
      told = charged
      perUnitMs = resetMs / Math.max(1, limit - remaining)
    },
    settled: (more) => {
      told += more
    },
    dueMs: (now, asked = told) => dueAt - now + Math.max(0, asked - told) * perUnitMs,
  }
}
