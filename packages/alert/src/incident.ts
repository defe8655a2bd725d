/** One condition of one key. It fires once, and again only after the cool-down, until it has ended. */
export interface Incident {
  readonly firing: boolean
  /** Takes a sign of the condition. What to tell, if anything; `always` tells whatever the cool-down says. */
  sign(always?: boolean): Occurrence | undefined
  /** What to tell of the end, if it was firing. */
  end(): Occurrence | undefined
}

/** A condition from its first sign to its end. */
export interface Occurrence {
  readonly id: string
  /** In epoch milliseconds. */
  readonly since: number
}

const newId = (): string => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`

export const newIncident = (coolDownMs: number): Incident => {
  let current: Occurrence | undefined
  let toldAt = 0
  return {
    get firing() {
      return current !== undefined
    },
    sign: (always = false) => {
      const now = performance.now()
      if (current && !always && now - toldAt < coolDownMs) return undefined
      toldAt = now
      return (current ??= { id: newId(), since: Date.now() })
    },
    end: () => {
      const ended = current
      current = undefined
      return ended
    },
  }
}
