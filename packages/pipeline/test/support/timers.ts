import { vi } from 'vitest'

/** For `afterEach`: whatever a test has done, no timer of it is left on the fake clock. */
export const noTimers = (): void => {
  const left = vi.getTimerCount()
  if (left > 0) throw new Error(`${left} timers are left`)
}
