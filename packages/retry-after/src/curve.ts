import type { Weight } from '@aplomb/pipeline'
import type { Departure, Departures } from './departures.ts'
import { newDoubt } from './doubt.ts'
import { type Echo, newEcho } from './echo.ts'
import { newSlope, type Sample, type Slope } from './slope.ts'
import { newSteps, type Steps } from './steps.ts'
import { newOthers } from './others.ts'
import type { Report } from './report.ts'
import { newReserve } from './reserve.ts'
import { newToldReset } from './told-reset.ts'
import { newFixedWindow } from './window.ts'

/** How much one announced limit has granted, and when it will grant more: as a step, a slope or an echo, whichever foretells the answers. */
export interface Curve {
  /** Milliseconds until so much more fits. */
  waitMs(now: number, weight: Weight | undefined): number
  sent(departure: Departure): void
  /** It was refused, by whatever limit: it used nothing. */
  refused(departure: Departure): void
  /** It took so much more, in each unit, than it was taken for. */
  settled(departure: Departure, more: ReadonlyMap<string, number>): void
  learn(report: Report, departure: Departure, served: boolean, now: number): void
  crowded(): boolean
  idle(): boolean
}

export interface CurveSetting {
  readonly departures: Departures
  /** The last request that was in no window. */
  readonly outside: () => number
  /** What it counts, and what it is called. */
  readonly unit: string
  readonly name?: string | undefined
}

/** What foretells the answers, and by how many units each is wrong of late. */
interface Models {
  readonly limit: number
  readonly scale: string | undefined
  readonly steps: Steps
  readonly slope: Slope
  readonly echo: Echo | undefined
  readonly errors: { step: number; slope: number; echo: number }
}

type Shape = keyof Models['errors']

/** Errors are forgotten over so many windows. */
const MEMORY = 4
/** A shape is as good as the best one with errors of no more than this share of the best's on top, and a unit: answers are whole ones. */
const AS_GOOD = 0.5
const UNIT = 1
/** A limit of so few shows no shape. */
const FEW = 3
/** What is left may be told in thousands (Anthropic), of limits that are ten times as large at least. */
const GRAIN = 1000
/** A log of more is not kept. */
const MOST_ECHOED = 2000

/** The unit of limits that count each request as one. */
export const REQUESTS = 'requests'

const distance = (value: number, least: number, most: number): number => Math.max(0, least - value, value - most)

export const newCurve = ({ departures, outside, unit, name }: CurveSetting): Curve => {
  const counted = unit === REQUESTS
  const window = newFixedWindow(departures, outside)
  let models: Models | undefined
  let place = 0
  let spacingMs = 0
  let lengthMs = 0
  let judgedAt = 0
  let lengthKnown = false
  /** Whether answers that were served tell of it: what has granted how much is read from those. */
  let servedTell = false
  let grain = GRAIN
  const doubt = newDoubt()
  const others = newOthers(departures)
  const reserve = newReserve()
  const reset = newToldReset()
  /** By what the weight of a request is known; else each counts as one, of as many units as are found. */
  const scaleNow = (): string | undefined => (counted ? undefined : departures.scaleOf(unit, name))

  const sampleOf = ({ limit = 0, remaining }: Report, departure: Departure, now: number): Sample => {
    const { at, calls, weight, weights } = departure
    if (counted || remaining % GRAIN > 0 || limit < 10 * GRAIN) grain = 1
    const { early, late } = departures.near(departure)
    const scale = scaleNow()
    const each = scale === undefined ? 1 : departures.weigh(scale)
    return {
      at: at + Math.min(departures.fastestMs(), now - at) / 2,
      remaining,
      grain,
      limit,
      charged: scale === undefined ? calls : (weights.get(scale) ?? 0),
      early: early * each,
      late: late * each,
      weight: scale === undefined ? 1 : (weight.get(scale) ?? each),
    }
  }

  /** How long it is, and how far apart its requests are. */
  const measure = ({ limit = 0, resetMs, windowMs }: Report, { weight }: Sample): void => {
    lengthKnown = windowMs !== undefined
    lengthMs = windowMs ?? Math.max(lengthMs, resetMs)
    const taken = (models?.slope.unit() ?? 1) * weight
    const unitMs = lengthMs > 0 ? lengthMs / limit : 1 / (models?.slope.perMs() ?? 0)
    spacingMs = Math.min(taken * unitMs, 2 * departures.roundTripMs())
  }

  const start = (sample: Sample, { windowMs }: Report, roundTripMs: number): Models => {
    const { limit } = sample
    const scale = scaleNow()
    const echoed = counted && windowMs !== undefined && limit <= MOST_ECHOED
    return {
      limit,
      scale,
      steps: newSteps(sample, window.resetAt()),
      slope: newSlope({ first: sample, weighed: counted || scale !== undefined, counted, roundTripMs }),
      echo: echoed ? newEcho({ departures, limit, lengthMs: windowMs, first: sample }) : undefined,
      errors: counted
        ? { step: 0, slope: 0, echo: echoed ? 0 : Infinity }
        : { step: Infinity, slope: 0, echo: Infinity },
    }
  }

  /** How long it takes to give back all of it: a reset that was told may be that of a part. */
  const fillMs = ({ limit, slope }: Models): number =>
    lengthKnown ? lengthMs : Math.max(lengthMs, limit / slope.leastPerMs())

  const judge = (one: Models, sample: Sample): void => {
    const { steps, slope, echo, errors } = one
    const { at, remaining, charged, early, late } = sample
    const [least, most] = [remaining - early * slope.unit(), remaining + 1 + late * slope.unit()]
    const way = departures.fastestMs()
    const found = {
      step: steps.error(sample, window.resetAt(), way),
      slope: distance(slope.level(at, charged), least, most),
      echo: echo ? Math.max(0, least - echo.level(at + way, charged), echo.level(at - way, charged) - most) : Infinity,
    }
    const kept = Math.exp(-Math.max(0, at - judgedAt) / (MEMORY * fillMs(one)))
    judgedAt = at
    echo?.allow(remaining + charged - early, at)
    for (const shape of ['step', 'slope', 'echo'] as const)
      errors[shape] = errors[shape] * kept + Math.max(0, found[shape] - UNIT / 2)
  }

  /** What is given back within a round trip comes bit by bit: as steps, it would explain whatever is answered. */
  const hasSteps = (): boolean => counted && lengthMs > departures.roundTripMs()

  /** The shapes that foretell the answers best. */
  const likely = ({ errors }: Models): readonly Shape[] => {
    const found = hasSteps() ? errors : { ...errors, step: Infinity }
    const best = Math.min(found.step, found.slope, found.echo)
    return (Object.keys(found) as Shape[]).filter((shape) => found[shape] <= best * (1 + AS_GOOD) + UNIT)
  }

  /** Until a slope has risen so far, or the reset. */
  const risesMs = ({ perMs }: Slope, missing: number, dueMs: number): number =>
    missing <= 0 ? 0 : Math.min(missing / perMs(), Math.max(dueMs, spacingMs))

  /** Whether a window was seen to give nothing back for so long that a slope would have shown. */
  const isFlat = ({ steps }: Models): boolean => steps.flatMs() >= 2 * departures.roundTripMs()

  /** Until then, the last request of a window is sent so late that it would tell; and until a reset has given all at once, one goes after it and the others by its answer. */
  const scoutMs = (one: Models, now: number): number => {
    if ((isFlat(one) || window.left() > 1) && (one.steps.confirmed() || !window.asked())) return 0
    return Math.max(0, departures.lastAt() + 2 * departures.roundTripMs() - now)
  }

  /** Where only refusals tell, or what answers tell is gone when they come (to find out takes two round trips), nothing can be foretold; of a limit that is shared, the window knows how. */
  const foretold = (now: number): Models | undefined => {
    if (models === undefined || models.scale !== scaleNow() || !servedTell) return undefined
    if (2 * departures.roundTripMs() >= fillMs(models)) return undefined
    return now - others.seenAt() < MEMORY * lengthMs ? undefined : models
  }

  /** What one takes, with what is kept in reserve. One that takes all of it goes once it is full. */
  const needOf = ({ slope, scale, limit }: Models, weight: Weight | undefined): number => {
    if (scale === undefined) return slope.unit() + reserve.units()
    return Math.min(limit, slope.unit() * departures.weigh(scale, weight) + reserve.units())
  }

  return {
    waitMs: (now, weight) => {
      const stepMs = window.waitMs(now)
      const one = foretold(now)
      if (one === undefined) return stepMs
      const shapes = likely(one)
      const { slope, echo, scale } = one
      const units = scale === undefined ? departures.calls() : departures.weights(scale) + departures.pending(scale)
      const need = needOf(one, weight)
      const dueMs = reset.dueMs(now, scale === undefined ? undefined : need + units - one.limit)
      const waits = {
        step: Math.max(stepMs, scoutMs(one, now)),
        slope: risesMs(slope, need - slope.surely(now, units, departures.roundTripMs()), dueMs),
        echo: echo?.waitMs(now) ?? Infinity,
      }
      const most = Math.max(...shapes.map((shape) => waits[shape]))
      if (most === 0 || departures.expecting()) {
        doubt.over()
        return most
      }
      if (!shapes.includes('step')) waits.slope = risesMs(slope, need - slope.level(now, units), dueMs)
      // Somebody has to ask, at the reset at the latest: until resets are known to give all at once, any shape has one more by then.
      const isStep = isFlat(one) && one.steps.confirmed() && shapes.includes('step')
      const asking = isStep ? [] : shapes.map((shape) => waits[shape])
      return Math.min(most, doubt.askMs(Math.min(hasSteps() ? stepMs : Math.max(0, dueMs), ...asking), spacingMs, now))
    },
    sent: (departure) => {
      window.sent(departure.at)
      doubt.over()
    },
    refused: window.refused,
    settled: (departure, more) => {
      // What the newest answer said was left had been charged with the truth already.
      if (models?.scale === undefined || departure.place > place) return
      const by = more.get(models.scale) ?? 0
      models.slope.recount(by)
      reset.settled(by)
    },
    learn: (report, departure, served, now) => {
      const newest = departure.place > place
      place = Math.max(place, departure.place)
      // A window has an end that is to come.
      const ended = report.resetMs > 0 && window.learn(report, departure, served, now)
      servedTell ||= served
      const { limit = 0 } = report
      if (counted) others.learn(report, departure, now)
      if (limit < FEW) return
      const sample = sampleOf(report, departure, now)
      reset.learn(report, sample.charged, now)
      measure(report, sample)
      if (models?.limit !== limit || models.scale !== scaleNow()) {
        models = start(sample, report, now - departure.at)
        return
      }
      const stepped = likely(models).includes('step')
      if (ended) models.steps.due(sample.at)
      if (newest) judge(models, sample)
      models.slope.learn(sample)
      const each = models.scale === undefined ? 1 : departures.weigh(models.scale)
      reserve.learn(served, Math.max(models.slope.unit() * each, sample.remaining + 1), limit)
      // What is not given back at once comes bit by bit.
      if (stepped && !likely(models).includes('step')) models.slope.loosen(limit / lengthMs)
    },
    crowded: () => window.crowded(),
    idle: () => window.idle(),
  }
}
