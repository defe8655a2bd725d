import { describe, expect, test, vi } from 'vitest'
import { draw, type Kind, KINDS } from '../src/sim/scenarios.ts'
import { runCase, type Trial } from '../src/sim/trial.ts'

// Minutes of traffic, on machines of any speed.
vi.setConfig({ testTimeout: 180_000 })

/** A few of thousands: `pnpm --filter @aplomb/bench props` runs them all, and to their ends. */
const SEEDS = Array.from({ length: process.env['LONG'] ? 20 : 12 }, (_, index) => index + 1)
const FEWER = SEEDS.slice(0, 5)
const SHORT = 200

const run = async (kind: Kind): Promise<readonly Trial[]> => {
  const trials: Trial[] = []
  // How even the load is shows only in a long run.
  for (const seed of kind.even ? FEWER : SEEDS) {
    trials.push(await runCase(kind, draw(kind, seed, kind.even ? undefined : SHORT)))
  }
  return trials
}

const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN

describe.each(KINDS)('$name', (kind) => {
  test('no rule is broken, and what is sent for each answer stays within bounds', async () => {
    const trials = await run(kind)
    const broken = trials.flatMap(({ seed, violations }) => violations.map((one) => ({ seed, ...one })))
    expect(broken).toEqual([])
    if (kind.sent !== undefined) {
      expect(median(trials.map(({ settledPerAnswer }) => settledPerAnswer))).toBeLessThanOrEqual(kind.sent)
    }
  })
})
