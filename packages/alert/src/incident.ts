/** One condition of one key. It fires once, and again only after the cool-down, until it has ended. */
export interface Incident {
  readonly firing: boolean
  /** Takes a sign of the condition. What to tell, if anything. */
  sign(condition: string, options?: SignOptions): Occurrence | undefined
  /** What to tell of the end, if it was firing and has been away for long enough. */
  end(): Occurrence | undefined
}

interface SignOptions {
  /** Whether to tell whatever the cool-down says. */
  readonly always?: boolean | undefined
  /** A cool-down that is not undercut. */
  readonly leastCoolDownMs?: number | undefined
}

/** A condition from its first sign to its end. */
export interface Occurrence {
  readonly id: string
  readonly condition: string
  /** In epoch milliseconds. */
  readonly since: number
  /** How many alerts there were of it, this one included. */
  readonly sequence: number
}

/** Hysteresis: a condition that flaps (is back within the cool-down) has ended once it stays away for so long; doubled each time. */
const MIN_AWAY_MS = 120_000

const newId = (): string => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`

export const newIncident = (coolDownMs: number): Incident => {
  let current: Occurrence | undefined
  let toldAt = -Infinity
  let signAt = -Infinity
  let endedAt = -Infinity
  let awayMs = 0

  const next = (of: Occurrence): Occurrence => (current = { ...of, sequence: of.sequence + 1 })

  return {
    get firing() {
      return current !== undefined
    },
    sign: (condition, { always = false, leastCoolDownMs = 0 } = {}) => {
      const now = performance.now()
      signAt = now
      if (!current) awayMs = now - endedAt < coolDownMs ? Math.min(coolDownMs, Math.max(MIN_AWAY_MS, 2 * awayMs)) : 0
      else if (!always && now - toldAt < Math.max(coolDownMs, leastCoolDownMs)) return undefined
      toldAt = now
      return next(current ?? { id: newId(), condition, since: Date.now(), sequence: 0 })
    },
    end: () => {
      const now = performance.now()
      if (!current || now - signAt < awayMs) return undefined
      const ended = next(current)
      current = undefined
      endedAt = now
      return ended
    },
  }
}
