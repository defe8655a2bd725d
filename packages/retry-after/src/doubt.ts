/** Some shapes of a limit allow what others do not: then one request asks. */
export interface Doubt {
  /** Milliseconds until it goes: so much later than what one of them allows. */
  askMs(allowedMs: number, laterMs: number, now: number): number
  /** They agree, or one has gone. */
  over(): void
}

export const newDoubt = (): Doubt => {
  let since: number | undefined
  return {
    askMs: (allowedMs, laterMs, now) => {
      if (allowedMs > 0) return allowedMs + laterMs
      since ??= now
      return Math.max(0, since + laterMs - now)
    },
    over: () => {
      since = undefined
    },
  }
}
