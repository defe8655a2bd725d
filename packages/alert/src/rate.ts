import { count, type KindsOf, milliseconds, number } from '@aplomb/pipeline'

/** What counts as an unusual error rate. */
export interface ErrorRateOptions {
  /** The sliding window that is judged, in milliseconds. @default 120000 */
  readonly windowMs?: number | undefined
  /** With fewer attempts in the window nothing is said. @default 20 */
  readonly minAttempts?: number | undefined
  /** A share of failures that is never too much, from 0 to 1. @default 0.05 */
  readonly minRate?: number | undefined
  /** How many times the usual odds of failing are too much. @default 3 */
  readonly factor?: number | undefined
}

/** The window as of now, and what it says. */
export interface RateView {
  readonly windowMs: number
  readonly attempts: number
  readonly failed: number
  readonly rate: number
  /** The usual share, once there is enough to tell. */
  readonly baseline: number | undefined
  /** Whether it is too high: from when it is surely so until it is well below again. */
  readonly isHigh: boolean
}

/** The error rate of one key. */
export interface Rate {
  note(failed: boolean): RateView
}

interface Slice {
  readonly index: number
  attempts: number
  failed: number
}

const THIRDS = [0, 1, 2] as const
const PER_THIRD = 4
const SLICES = THIRDS.length * PER_THIRD
/** Standard errors: by chance, one window in 740 reaches that, and then not in each of its thirds. */
const Z = 3
const HALF_LIFE_MS = 3_600_000
/** What is known of a key begins with that many good attempts: the first failure is no baseline. */
const PRIOR = 50
/** What happens during an incident is not usual, unless it goes on for that long. */
const ACCEPTED_MS = 6 * HALF_LIFE_MS

/** Wilson's lower bound: what the true share is at least. Holds for small numbers, too. */
const atLeast = (failed: number, attempts: number): number => {
  const share = failed / attempts
  const z2 = Z ** 2 / attempts
  return (share + z2 / 2 - Z * Math.sqrt((share * (1 - share) + z2 / 4) / attempts)) / (1 + z2)
}

const sum = (slices: readonly Slice[]): { attempts: number; failed: number } =>
  slices.reduce((all, one) => ({ attempts: all.attempts + one.attempts, failed: all.failed + one.failed }), {
    attempts: 0,
    failed: 0,
  })

/** What each option takes. */
export const errorRateOptions: KindsOf<ErrorRateOptions> = {
  windowMs: milliseconds({ from: 1000, below: Infinity }),
  minAttempts: count({ from: 1 }, 'attempts'),
  minRate: number({ above: 0, below: 1 }),
  factor: number({ from: 1, below: Infinity }),
}

export const rateTest = (options: ErrorRateOptions | undefined): (() => Rate) => {
  const windowMs = options?.windowMs ?? 120_000
  const minAttempts = options?.minAttempts ?? 20
  const minRate = options?.minRate ?? 0.05
  const factor = options?.factor ?? 3
  const sliceMs = windowMs / SLICES

  return () => {
    let slices: Slice[] = []
    let usual = { attempts: 0, failed: 0, index: 0 }
    /** The slice in which the rate became too high. */
    let highSince: number | undefined

    /** What has left the window is what the next window is compared with: an incident never hides itself. */
    const learn = ({ index, attempts, failed }: Slice): void => {
      if (highSince !== undefined && (index - highSince) * sliceMs < ACCEPTED_MS) return
      const kept = 0.5 ** (((index - usual.index) * sliceMs) / HALF_LIFE_MS)
      usual = { index, attempts: usual.attempts * kept + attempts, failed: usual.failed * kept + failed }
    }

    return {
      note: (hasFailed) => {
        const index = Math.floor(performance.now() / sliceMs)
        for (const slice of slices) if (slice.index <= index - SLICES) learn(slice)
        slices = slices.filter((slice) => slice.index > index - SLICES)
        let latest = slices.at(-1)
        if (latest?.index !== index) slices.push((latest = { index, attempts: 0, failed: 0 }))
        latest.attempts++
        if (hasFailed) latest.failed++

        const { attempts, failed } = sum(slices)
        const expected = usual.failed / (usual.attempts + PRIOR)
        // Times the odds, not the share: also above a usual 40 % there is room for an outage.
        const limit = Math.max(minRate, (factor * expected) / (1 - expected + factor * expected))
        const isOver = (third: number): boolean => {
          const part = sum(slices.filter((slice) => Math.floor((index - slice.index) / PER_THIRD) === third))
          return part.failed > part.attempts * limit
        }
        const enough = attempts >= minAttempts
        if (enough && atLeast(failed, attempts) > limit && THIRDS.every(isOver)) highSince ??= index
        else if (failed === 0 || (enough && failed / attempts < (expected + limit) / 2)) highSince = undefined
        const baseline = usual.attempts < PRIOR ? undefined : usual.failed / usual.attempts
        return { windowMs, attempts, failed, rate: failed / attempts, baseline, isHigh: highSince !== undefined }
      },
    }
  }
}
