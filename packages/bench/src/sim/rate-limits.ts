/** What a rate limit says of itself, in its own unit. */
export interface Report {
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly windowMs: number
}

/** One rate limit of a simulated API. Times are in ms since the first request, and never go back. */
export interface RateLimit {
  /** The earliest moment, from `now` on, at which so many units are let through. */
  freeAt(now: number, weight: number): number
  take(now: number, weight: number): void
  report(now: number): Report
}

/** What the reset of a bucket stands for: it is full again, it has the next unit, the clock's second ends. */
export type Reset = 'full' | 'next' | 'end'

const SECOND_MS = 1000
/** Rounding may not hold back a unit that is due. */
const EPSILON = 1e-9

export const tokenBucket =
  (perSecond: number, burst: number, reset: Reset = 'full') =>
  (): RateLimit => {
    const perMs = perSecond / SECOND_MS
    let level = burst
    let at = 0
    const refill = (now: number): void => {
      level = Math.min(burst, level + (now - at) * perMs)
      at = now
    }
    const resetMs = (now: number): number => {
      if (reset === 'end') return SECOND_MS - (now % SECOND_MS)
      return (Math.min(burst, reset === 'full' ? burst : Math.floor(level + EPSILON) + 1) - level) / perMs
    }
    return {
      freeAt: (now, weight) => {
        refill(now)
        return level + EPSILON >= weight ? now : now + (weight - level) / perMs
      },
      take: (now, weight) => {
        refill(now)
        level -= weight
      },
      report: (now) => {
        refill(now)
        const remaining = Math.max(0, Math.floor(level + EPSILON))
        return { limit: burst, remaining, resetMs: resetMs(now), windowMs: burst / perMs }
      },
    }
  }

/** Begins with the first request, or so long before it. */
export const fixedWindow =
  (limit: number, windowMs: number, phaseMs = 0) =>
  (): RateLimit => {
    let number = 0
    let used = 0
    const roll = (now: number): void => {
      const current = Math.floor((now + phaseMs) / windowMs)
      if (current === number) return
      number = current
      used = 0
    }
    const end = (): number => (number + 1) * windowMs - phaseMs
    return {
      freeAt: (now, weight) => {
        roll(now)
        return used + weight <= limit ? now : end()
      },
      take: (now, weight) => {
        roll(now)
        used += weight
      },
      report: (now) => {
        roll(now)
        return { limit, remaining: limit - used, resetMs: end() - now, windowMs }
      },
    }
  }

/** Exact: no interval of that length holds more. Its reset is when the oldest request leaves it. */
export const slidingLog = (limit: number, windowMs: number) => (): RateLimit => {
  const taken: { readonly at: number; readonly weight: number }[] = []
  let used = 0
  const prune = (now: number): void => {
    while (taken[0] !== undefined && taken[0].at + windowMs <= now) used -= taken.shift()?.weight ?? 0
  }
  return {
    freeAt: (now, weight) => {
      prune(now)
      let over = used + weight - limit
      for (const { at, weight: freed } of taken) {
        if (over <= 0) return now
        over -= freed
        if (over <= 0) return at + windowMs
      }
      return over <= 0 ? now : Infinity
    },
    take: (now, weight) => {
      taken.push({ at: now, weight })
      used += weight
    },
    report: (now) => {
      prune(now)
      return { limit, remaining: limit - used, resetMs: (taken[0]?.at ?? now - windowMs) + windowMs - now, windowMs }
    },
  }
}

/** Two fixed windows, of which the one before counts for as much of it as still lies within the length. */
export const slidingCounter = (limit: number, windowMs: number) => (): RateLimit => {
  let number = 0
  let before = 0
  let used = 0
  const roll = (now: number): void => {
    const current = Math.floor(now / windowMs)
    if (current === number) return
    before = current === number + 1 ? used : 0
    number = current
    used = 0
  }
  const past = (now: number): number => 1 - (now / windowMs - number)
  /** When so many of a window that began at `from` have left. */
  const fadedAt = (from: number, weight: number, most: number): number =>
    weight <= most ? from : from + (1 - Math.max(0, most) / weight) * windowMs
  return {
    freeAt: (now, weight) => {
      roll(now)
      if (before * past(now) + used + weight <= limit + EPSILON) return now
      if (used + weight <= limit) return Math.max(now, fadedAt(number * windowMs, before, limit - used - weight))
      return fadedAt((number + 1) * windowMs, used, limit - weight)
    },
    take: (now, weight) => {
      roll(now)
      used += weight
    },
    report: (now) => {
      roll(now)
      const remaining = Math.max(0, Math.floor(limit - used - before * past(now) + EPSILON))
      return { limit, remaining, resetMs: (number + 1) * windowMs - now, windowMs }
    },
  }
}
