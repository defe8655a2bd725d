/** What the time in line was for: how long a key has been on hold. */
export interface HeldClock {
  running(): boolean
  /** In milliseconds, by then. */
  ms(now: number): number
  /** Whether it is on hold from now on. */
  note(held: boolean, now: number): void
}

export const newHeldClock = (): HeldClock => {
  let since: number | undefined
  let beforeMs = 0
  const ms = (now: number): number => beforeMs + (since === undefined ? 0 : now - since)
  return {
    running: () => since !== undefined,
    ms,
    note: (held, now) => {
      if (held === (since !== undefined)) return
      beforeMs = ms(now)
      since = held ? now : undefined
    },
  }
}
