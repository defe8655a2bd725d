import type { Alert } from './record.ts'

/** Gets every alert. What it throws or rejects with is reported and dropped; no call waits for it. */
export type Sink = (alert: Alert) => unknown

/** Alerts on their way to one sink, one after the other. */
export interface Outbox {
  post(alert: Alert): void
  /** Whether an alert is on its way. */
  readonly busy: boolean
  /** Resolves when every alert is delivered or given up. */
  emptied(): Promise<void>
}

const MAX_WAITING = 100
/** Longer, and the next alert has its turn. */
const PATIENCE_MS = 300_000

const report = (what: string, error?: unknown): void => console.error(`aplomb: ${what}`, ...(error ? [error] : []))

/** Node's and Bun's keep the process alive; a sink that hangs must not, unless somebody waits for it. */
type Timer = ReturnType<typeof setTimeout> & { ref?(): void; unref?(): void }

export const newOutbox = (sink: Sink): Outbox => {
  const waiting: Alert[] = []
  let working: Promise<void> | undefined
  let isFull = false
  let timer: Timer | undefined
  let awaited = 0

  const keepAlive = (): void => {
    if (awaited > 0) timer?.ref?.()
    else timer?.unref?.()
  }

  const deliver = async (alert: Alert): Promise<void> => {
    try {
      const result = sink(alert)
      if (typeof result !== 'object' || result === null || !('then' in result)) return
      const late = new Promise<never>((_, reject) => {
        const give = (): void => reject(new Error(`a sink took longer than ${PATIENCE_MS / 1000} s`))
        timer = setTimeout(give, PATIENCE_MS)
        keepAlive()
      })
      await Promise.race([result as PromiseLike<unknown>, late])
    } catch (error) {
      report('an alert was not delivered:', error)
    } finally {
      clearTimeout(timer)
    }
  }

  const work = async (): Promise<void> => {
    // Out of the call that it is about.
    await Promise.resolve()
    for (let alert = waiting.shift(); alert; alert = waiting.shift()) await deliver(alert)
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
    get busy() {
      return working !== undefined
    },
    emptied: async () => {
      awaited++
      keepAlive()
      await working
      awaited--
      keepAlive()
    },
  }
}
