import { newSlidingLog } from './sliding-log.ts'
import { newWindowEstimator, type WindowEstimator } from './window-estimator.ts'

/** A window of time that no answer tells of: one that opens for all at once, until refusals show that it slides. */
export interface SilentWindow extends Pick<
  WindowEstimator,
  'openedAt' | 'contradicted' | 'quota' | 'hasQuota' | 'withdraw' | 'waitMs' | 'accepted' | 'refused'
> {
  slides(): boolean
  /** One goes out; `certain` once refusals are known to be a window's. */
  sent(at: number, certain: boolean): void
  /** A request that was sent `at` was refused. Returns whether that is because the window slides. */
  slidesPast(at: number): boolean
}

export const newSilentWindow = (): SilentWindow => {
  const estimator = newWindowEstimator()
  const log = newSlidingLog()
  return {
    ...estimator,
    slides: log.believed,
    waitMs: () => (log.believed() ? log.waitMs() : estimator.waitMs()),
    sent: (at, certain) => {
      if (!log.believed()) estimator.sent()
      if (certain) log.sent(at)
    },
    accepted: (at) => {
      if (!log.believed()) estimator.accepted(at)
      log.served()
    },
    slidesPast: (at) => {
      log.refused(at)
      if (log.believed()) return true
      const lengthMs = estimator.lengthMs()
      const quota = estimator.quota()
      // One that is used up refuses, be it fixed or not.
      return lengthMs !== undefined && estimator.passed() < quota && log.explains(at, lengthMs, quota)
    },
  }
}
