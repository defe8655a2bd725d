import type { WindowSettings } from './options.ts'

/** One time window. Every time is in ms since the API's first request, and never goes back. */
export interface Window {
  readonly settings: WindowSettings
  /** The earliest moment, from `now` on, at which this window lets a request through. */
  freeAt(now: number): number
  /** Counts a request, let through or (with `counts: 'arrivals'`) refused. */
  take(now: number): void
  remaining(now: number): number
  /** When more becomes available. */
  resetAt(now: number): number
}

/** @param phaseMs how far into a clock-aligned window the first request came. */
export const createWindow = (settings: WindowSettings, phaseMs: number): Window =>
  settings.kind === 'fixed'
    ? fixed(settings, settings.align === 'clock' ? phaseMs : 0)
    : settings.kind === 'sliding'
      ? sliding(settings)
      : bucket(settings)

const fixed = (settings: WindowSettings, phaseMs: number): Window => {
  const { limit, windowMs } = settings
  let start = -phaseMs
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
    freeAt(now) {
      roll(now)
      return count < limit ? now : start + windowMs
    },
    take(now) {
      roll(now)
      count++
    },
    remaining(now) {
      roll(now)
      return Math.max(0, limit - count)
    },
    resetAt(now) {
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
    freeAt: (now) => (taken < limit ? now : Math.max(now, endOf(taken - limit))),
    take(now) {
      moments[taken % limit] = now
      taken++
    },
    remaining(now) {
      prune(now)
      return limit - (taken - oldest)
    },
    resetAt(now) {
      prune(now)
      return oldest < taken ? endOf(oldest) : now
    },
  }
}

/** A token bucket kept as the moment at which it will be full again (GCRA), so that there is no rounding to drift. */
const bucket = (settings: WindowSettings): Window => {
  const { limit, windowMs, burst } = settings
  const tokenMs = windowMs / limit
  const slackMs = (burst - 1) * tokenMs
  let fullAt = -Infinity
  const freeAt = (now: number) => Math.max(now, fullAt - slackMs)
  const remaining = (now: number) => {
    const whole = Math.floor((slackMs - (Math.max(fullAt, now) - now)) / tokenMs + 1 + 1e-9)
    // Rounding may not contradict the gate itself.
    return freeAt(now) > now ? 0 : Math.max(1, whole)
  }
  return {
    settings,
    freeAt,
    take(now) {
      // The cap is for refused arrivals: each puts the next token a whole token's time away, not more.
      fullAt = Math.min(Math.max(fullAt, now) + tokenMs, now + slackMs + tokenMs)
    },
    remaining,
    resetAt: (now) => (fullAt <= now ? now : Math.max(now, fullAt - (burst - 1 - remaining(now)) * tokenMs)),
  }
}
