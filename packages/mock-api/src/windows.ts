import type { WindowSettings } from './options.ts'

/** One time window. Every time is in ms since the API's first request, and never goes back. */
export interface Window {
  readonly settings: WindowSettings
  /** The earliest moment, from `now` on, at which this window lets a request through; `Infinity` for one that never fits. */
  freeAt(now: number, weight?: number): number
  /** Counts a request, let through or (with `counts: 'arrivals'`) refused. Less than 0 gives back. */
  take(now: number, weight?: number): void
  remaining(now: number): number
  /** When more becomes available. */
  resetAt(now: number): number
  /** When all of it is. */
  fullAt(now: number): number
}

/** @param phaseMs how far into a clock-aligned window the first request came. @param now when that was. */
export const createWindow = (settings: WindowSettings, phaseMs: number, now = 0): Window =>
  settings.kind === 'fixed'
    ? fixed(settings, now - (settings.align === 'clock' ? phaseMs : 0))
    : settings.kind === 'sliding'
      ? sliding(settings)
      : bucket(settings)

const fixed = (settings: WindowSettings, startMs: number): Window => {
  const { limit, windowMs } = settings
  let start = startMs
  let count = 0
  const roll = (now: number) => {
    while (now >= start + windowMs) {
      // At least one: the division may round to just below it.
      start += Math.max(1, Math.floor((now - start) / windowMs)) * windowMs
      count = 0
    }
  }
  return {
    settings,
    freeAt(now, weight = 1) {
      roll(now)
      return count + weight <= limit ? now : weight <= limit ? start + windowMs : Infinity
    },
    take(now, weight = 1) {
      roll(now)
      // What is given back may be of the window before.
      count = Math.max(0, count + weight)
    },
    remaining(now) {
      roll(now)
      return Math.max(0, limit - count)
    },
    resetAt(now) {
      roll(now)
      return start + windowMs
    },
    fullAt(now) {
      roll(now)
      return start + windowMs
    },
  }
}

/** Exact: no interval of `windowMs`, wherever it begins, holds more than `limit`. Remembers `limit` moments at most. */
const sliding = (settings: WindowSettings): Window => {
  const { limit, windowMs } = settings
  const moments: number[] = []
  let taken = 0
  let oldest = 0
  const prune = (now: number) => {
    oldest = Math.max(oldest, taken - limit)
    while (oldest < taken && endOf(oldest) <= now) oldest++
  }
  const endOf = (index: number) => (moments[index % limit] ?? -Infinity) + windowMs
  return {
    settings,
    freeAt: (now, weight = 1) =>
      taken + weight <= limit ? now : weight <= limit ? Math.max(now, endOf(taken + weight - 1 - limit)) : Infinity,
    take(now, weight = 1) {
      for (const end = taken + weight; taken < end; taken++) moments[taken % limit] = now
    },
    remaining(now) {
      prune(now)
      return limit - (taken - oldest)
    },
    resetAt(now) {
      prune(now)
      return oldest < taken ? endOf(oldest) : now
    },
    fullAt(now) {
      prune(now)
      return oldest < taken ? endOf(taken - 1) : now
    },
  }
}

/** A token bucket kept as the moment at which it will be full again (GCRA), so that there is no rounding to drift. */
const bucket = (settings: WindowSettings): Window => {
  const { limit, windowMs, burst } = settings
  const tokenMs = windowMs / limit
  const slackMs = (weight: number) => (burst - weight) * tokenMs
  let fullAt = -Infinity
  const freeAt = (now: number, weight = 1) => (weight <= burst ? Math.max(now, fullAt - slackMs(weight)) : Infinity)
  const remaining = (now: number) => {
    const whole = Math.floor((slackMs(1) - (Math.max(fullAt, now) - now)) / tokenMs + 1 + 1e-9)
    // Rounding may not contradict the gate itself.
    return freeAt(now) > now ? 0 : Math.max(1, whole)
  }
  return {
    settings,
    freeAt,
    take(now, weight = 1) {
      // The cap is for refused arrivals: each puts the next token a whole token's time away, not more.
      fullAt = Math.min(Math.max(fullAt, now) + weight * tokenMs, now + slackMs(1) + tokenMs)
    },
    remaining,
    resetAt: (now) => (fullAt <= now ? now : Math.max(now, fullAt - (burst - 1 - remaining(now)) * tokenMs)),
    fullAt: (now) => Math.max(now, fullAt),
  }
}
