import type { Sent } from './sent.ts'
import { newSilentRate, type SilentRate } from './silent-rate.ts'
import { newSlidingLog, type SlidingLog } from './sliding-log.ts'
import { newWindowEstimator, type WindowEstimator } from './window-estimator.ts'

/** How a limit makes room again where it does not open for all at once. */
type Flow = 'slides' | 'refills'

/** A limit over time that no answer tells of: a window that opens for all at once, until refusals show that it slides, or that it refills. */
export interface SilentWindow extends Pick<
  WindowEstimator,
  'openedAt' | 'contradicted' | 'quota' | 'hasQuota' | 'withdraw' | 'waitMs' | 'refused'
> {
  flow(): Flow | undefined
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  /** One goes out; `certain` once refusals are known to be a window's. */
  sent(one: Sent, certain: boolean): void
  /** With `active` in flight, itself included. */
  accepted(one: Sent, active: number): void
  /** Refused, with `active` in flight. Returns how room is made, if that is what refused it. */
  flowsPast(one: Sent, active: number): Flow | undefined
  /** What was learned of windows does not hold: another one, that refills as this one does. */
  anew(): SilentWindow
}

/** Windows of so few follow each other as a refill does. */
const LIKE_A_REFILL = 2

const slidesPast = (log: SlidingLog, estimator: WindowEstimator, at: number): boolean => {
  log.refused(at)
  if (log.believed()) return true
  const lengthMs = estimator.lengthMs()
  const quota = estimator.quota()
  // One that is used up refuses, be it fixed or not.
  return lengthMs !== undefined && estimator.passed() < quota && log.explains(at, lengthMs, quota)
}

/** The rate is there from a first refusal on. */
export const newSilentWindow = (rate?: SilentRate): SilentWindow => {
  const estimator = newWindowEstimator()
  /** From a first refusal on. */
  let log: SlidingLog | undefined

  const flow = (): Flow | undefined => {
    if (rate?.believed()) return 'refills'
    return log?.believed() ? 'slides' : undefined
  }
  return {
    ...estimator,
    flow,
    rest: () => {
      rate = undefined
    },
    waitMs: () => {
      if (rate?.believed()) return rate.waitMs()
      return log?.believed() ? log.waitMs() : estimator.waitMs()
    },
    sent: (one, certain) => {
      if (!log?.believed()) estimator.sent()
      if (certain) log?.sent(one.at)
      rate?.sent(one)
    },
    accepted: (one, active) => {
      if (!log?.believed()) estimator.accepted(one.at)
      log?.served()
      rate?.served(one, active)
    },
    flowsPast: (one, active) => {
      rate ??= newSilentRate()
      const known = log?.believed() || (estimator.quota() > LIKE_A_REFILL && estimator.quota() < Infinity)
      if (rate.refused(one, active, known)) return 'refills'
      log ??= newSlidingLog()
      return slidesPast(log, estimator, one.at) ? 'slides' : undefined
    },
    anew: () => newSilentWindow(rate),
  }
}
