/**
 * What is left of a limit that is given back bit by bit, as a line: a Kalman filter over its level, its refill and the units
 * that a request takes. A token bucket is such a line, and so is a sliding counter.
 */
export interface Slope {
  /** Units left when so much was charged, at this moment. */
  level(at: number, charged: number): number
  /** The same, at least; and no more than what is given back in so long without an answer. */
  surely(at: number, charged: number, unseenMs: number): number
  /** Units for each weight. */
  unit(): number
  perMs(): number
  /** The same, at least. */
  leastPerMs(): number
  learn(sample: Sample): void
  /** So much more was charged by then than was thought; what is left is known. */
  recount(more: number): void
  /** Whatever it was before, more may be given back from now on. */
  loosen(perMs: number): void
}

/** What an answer says of a limit. */
export interface Sample {
  /** When its request arrived, on the `clock`. */
  readonly at: number
  readonly remaining: number
  /** To how many units it is rounded. @default 1 */
  readonly grain?: number | undefined
  readonly limit: number
  /** Weights charged by then; and those of requests that may have come later than that, and sooner. */
  readonly charged: number
  readonly early: number
  readonly late: number
  /** What its request took, as far as is known. */
  readonly weight: number
}

export interface SlopeSetting {
  readonly first: Sample
  /** Whether weights are in the limit's own unit: then each takes one. */
  readonly weighed: boolean
  /** Whether what each takes is certain, as of a limit of requests. */
  readonly counted: boolean
  /** How long the first answer took: what fills within that time is no limit. */
  readonly roundTripMs: number
}

type Vector = [level: number, perMs: number, unit: number]

/** Forecasts keep so many standard deviations free, as TCP's retransmission timer does with its four mean deviations. */
const DEVIATIONS = 2

/** A number that was rounded, or is anywhere in an interval of this length. */
const varianceOf = (length: number): number => length ** 2 / 12

export const newSlope = ({ first, weighed, counted, roundTripMs: tookMs }: SlopeSetting): Slope => {
  // A clock may show the same twice.
  const roundTripMs = Math.max(1, tookMs)
  const { limit } = first
  let { at, charged } = first
  let state: Vector = [first.remaining, 0, weighed ? 1 : Math.max(1, limit - first.remaining)]
  const steepest = limit / roundTripMs
  let covariance: [Vector, Vector, Vector] = [
    [varianceOf((first.grain ?? 1) + first.early + first.late), 0, 0],
    [0, steepest ** 2, 0],
    [0, 0, weighed ? 0 : state[2] ** 2],
  ]
  /** How much larger errors are than the filter thinks. */
  let scale = 1

  const levelAt = (to: number, units: number, perMs = state[1]): number =>
    Math.min(limit, state[0] + perMs * (to - at) - state[2] * (units - charged))

  /** Less is known than was, but no less than nothing. */
  const inflate = (by: number): void => {
    const known = steepest ** 2 / Math.max(covariance[1][1], Number.MIN_VALUE)
    const factor = Math.max(1, Math.min(known, by))
    covariance = covariance.map((row) => row.map((value) => value * factor)) as typeof covariance
  }

  /** Moves the time at which the state is known. */
  const move = (to: number, units: number): void => {
    const by: Vector = [1, to - at, charged - units]
    state[0] = Math.min(limit, by[0] * state[0] + by[1] * state[1] + by[2] * state[2])
    const [p0, p1, p2] = covariance
    const crossed = ([0, 1, 2] as const).map((j) => p0[j] * by[0] + p1[j] * by[1] + p2[j] * by[2]) as Vector
    const corner = by[0] * crossed[0] + by[1] * crossed[1] + by[2] * crossed[2]
    covariance = [
      [Math.max(0, corner), crossed[1], crossed[2]],
      [crossed[1], p1[1], p1[2]],
      [crossed[2], p2[1], p2[2]],
    ]
    // What was seen longer ago than the limit takes to fill says little of now.
    const memoryMs = Math.max(limit / Math.max(state[1], Number.MIN_VALUE), 4 * roundTripMs)
    inflate(Math.exp(Math.max(0, to - at) / memoryMs))
    at = to
    charged = units
  }

  const correct = (remaining: number, variance: number): void => {
    const error = remaining - state[0]
    scale += (Math.max(1, error ** 2 / (covariance[0][0] + variance)) - scale) / 8
    // It moves otherwise than was thought: what is known of it counts for less. Of weights, errors are theirs.
    if (counted) inflate(scale / DEVIATIONS ** 2)
    const total = covariance[0][0] + variance
    const gain = covariance[0].map((value) => value / total) as Vector
    state = state.map((value, i) => value + (gain[i] ?? 0) * error) as Vector
    state[1] = Math.min(steepest, Math.max(0, state[1]))
    state[2] = Math.min(limit, Math.max(1, state[2]))
    const [top] = covariance
    covariance = covariance.map((row, i) =>
      row.map((value, j) => value - (gain[i] ?? 0) * (top[j] ?? 0)),
    ) as typeof covariance
  }

  const leastPerMs = (): number => Math.max(0, state[1] - DEVIATIONS * Math.sqrt(scale * covariance[1][1]))

  return {
    level: levelAt,
    surely: (to, units, unseenMs) => {
      const [[levelVariance], , [, , unitVariance]] = covariance
      const spread = Math.sqrt(scale * (levelVariance + (units - charged) ** 2 * unitVariance))
      // However little is known of it, it gives nothing but more. And what is larger than this share would never let it be used.
      return levelAt(Math.min(to, at + unseenMs), units, leastPerMs()) - Math.min(limit / 4, DEVIATIONS * spread)
    },
    unit: () => state[2],
    perMs: () => state[1],
    leastPerMs,
    loosen: (perMs) => {
      state[1] = Math.max(state[1], perMs)
      covariance[1][1] = steepest ** 2
    },
    recount: (more) => {
      charged += more
    },
    learn: ({ at: to, remaining, grain = 1, charged: units, early, late, weight }) => {
      const uncertain = grain + (early + late) * state[2]
      move(to, units)
      // One that stays full tells nothing of its refill.
      if (remaining + state[2] * weight >= limit && state[0] >= remaining) {
        state[0] = remaining
        covariance[0] = [varianceOf(uncertain), 0, 0]
        covariance[1][0] = covariance[2][0] = 0
      } else correct(remaining, varianceOf(uncertain))
    },
  }
}
