import type { Alert } from './record.ts'

/** Gets every alert. What it throws or rejects with is reported and dropped; no call waits for it. */
export type Sink = (alert: Alert) => unknown

/** Alerts on their way to one sink, one after the other. */
export interface Outbox {
  post(alert: Alert): void
  /** Resolves when every alert is delivered or given up. */
  emptied(): Promise<void>
}

const MAX_WAITING = 100
/** Longer, and the next alert has its turn. */
const PATIENCE_MS = 300_000

const report = (what: string, error?: unknown): void => console.error(`aplomb: ${what}`, ...(error ? [error] : []))

const deliver = async (sink: Sink, alert: Alert): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const result = sink(alert)
    if (typeof result !== 'object' || result === null || !('then' in result)) return
    const late = new Promise<never>((_, reject) => {
      const give = (): void => reject(new Error(`a sink took longer than ${PATIENCE_MS / 1000} s`))
      timer = setTimeout(give, PATIENCE_MS)
    })
    await Promise.race([result as PromiseLike<unknown>, late])
  } catch (error) {
    report('an alert was not delivered:', error)
  } finally {
    clearTimeout(timer)
  }
}

export const newOutbox = (sink: Sink): Outbox => {
  const waiting: Alert[] = []
  let working: Promise<void> | undefined
  let isFull = false

  const work = async (): Promise<void> => {
    // Out of the call that it is about.
    await Promise.resolve()
    for (let alert = waiting.shift(); alert; alert = waiting.shift()) await deliver(sink, alert)
    isFull = false
    working = undefined
  }

  return {
    post: (alert) => {
      if (waiting.length >= MAX_WAITING) {
        waiting.shift()
        if (!isFull) report(`more than ${MAX_WAITING} alerts wait for a sink: the oldest are dropped`)
        isFull = true
      }
      waiting.push(alert)
      working ??= work()
    },
    emptied: async () => {
      await working
    },
  }
}
