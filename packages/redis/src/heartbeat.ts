import { clock, later } from '@aplomb/pipeline'

/** Looks by itself, again and again. */
export interface Heartbeat {
  /** The next look is due as long from now as it is said to be. */
  next(): void
  end(): void
}

interface Context {
  readonly intervalMs: () => number
  /** Whether the process is to stay for it. */
  readonly keepsAlive: () => boolean
  /** Later than so many milliseconds, the whole process was stopped. */
  readonly lateMs: number
  readonly look: (wasStopped: boolean) => void
}

export const newHeartbeat = ({ intervalMs, keepsAlive, lateMs, look }: Context): Heartbeat => {
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    next: () => {
      clearTimeout(timer)
      const ms = intervalMs()
      const dueAt = clock() + ms
      timer = later(() => look(clock() - dueAt > lateMs), ms)
      // Elsewhere a timer is a number.
      if (!keepsAlive() && typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
    },
    end: () => clearTimeout(timer),
  }
}
