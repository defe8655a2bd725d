import { type Call, clock, later, onAbort } from '@aplomb/pipeline'

/** Calls that wait until their key may send: those that were refused before in turn with those that were not, first come, first served. */
export interface Turns<Turn> {
  readonly size: number
  /** The call's turn, now or when it comes. Rejects at once when the signal fires, or the wait is longer than the call may wait. */
  pass(call: Call, again: boolean): Promise<Turn>
  /** The wait may have changed. */
  look(): void
}

export interface TurnSetting<Turn> {
  /** Milliseconds until one more may be sent. */
  readonly waitMs: () => number
  /** A call begins to wait for so many milliseconds. */
  readonly waits: (call: Call, ms: number) => void
  /** The part of it that the server has named. */
  readonly holdMs: () => number
  /** Since when the key was only refused, if it was: on the `clock`. */
  readonly barrenSince: () => number | undefined
  /** Counts one as sent. */
  readonly take: () => Turn
  /** The error for a call that may not wait that long. */
  readonly late: (call: Call, waitMs: number) => Error
}

/** Waiters come back spread over this share of the pause they sat out, so that its end is no stampede. */
const SPREAD = 0.1
/** For a few waiters less is enough: so many milliseconds for each. */
const APART_MS = 20
/** The longest delay a timer takes. */
const LONGEST_MS = 2 ** 31 - 1

interface Waiter {
  /** Until when it may wait. */
  readonly until: number
  readonly joinedAt: number
  readonly call: Call
  readonly admit: () => void
  readonly fail: (reason: unknown) => void
}

export const newTurns = <Turn>({ waitMs, waits, holdMs, barrenSince, take, late }: TurnSetting<Turn>): Turns<Turn> => {
  const fresh = new Set<Waiter>()
  const refused = new Set<Waiter>()
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Since when they wait; unset once they are let through, each some chance time after the one before. */
  let since: number | undefined
  let apartMs = 0
  let nextAt = 0
  let earliest = Infinity
  let freshNext = true

  const size = (): number => refused.size + fresh.size

  /** Those who would wait in vain hear of it now. */
  const dismiss = (ms: number): void => {
    const at = clock() + ms
    if (at < earliest) return
    earliest = Infinity
    for (const { until, call, fail } of [...refused, ...fresh]) {
      if (at < until) earliest = Math.min(earliest, until)
      else fail(late(call, ms))
    }
  }

  const timeLeft = (): number => {
    const ms = waitMs()
    const now = clock()
    if (ms > 0) {
      since ??= now
      return ms
    }
    if (since !== undefined) {
      apartMs = Math.min((now - since) * SPREAD, APART_MS * size()) / size()
      nextAt = now + Math.random() * apartMs
      since = undefined
    }
    return nextAt - now
  }

  /** Whether it has waited for as long as it may while nobody was served: then it is sent, and that is its answer. */
  const isOverdue = ({ joinedAt, call }: Waiter): boolean => behindMs(joinedAt) >= call.maxTotalWaitMs

  const behindMs = (joinedAt: number): number => Math.max(0, clock() - Math.max(joinedAt, barrenSince() ?? Infinity))

  /** Those that were refused and those that were not take turns: what refuses the ones may serve the others. */
  const first = (): Waiter | undefined => {
    const [one] = refused
    const [other] = fresh
    return freshNext ? (other ?? one) : (one ?? other)
  }

  const look = (): void => {
    clearTimeout(timer)
    timer = undefined
    while (size() > 0) {
      const next = first()
      const ms = next && holdMs() === 0 && isOverdue(next) ? 0 : timeLeft()
      if (ms > 0) {
        dismiss(ms)
        // Timers drop fractions, and would fire before the end.
        if (size() > 0) timer = later(look, Math.min(Math.ceil(ms), LONGEST_MS))
        return
      }
      freshNext = next !== undefined && refused.has(next)
      next?.admit()
      nextAt += Math.random() * apartMs
    }
  }

  const pass = (call: Call, again: boolean): Promise<Turn> =>
    new Promise((resolve, reject) => {
      if (call.aborted) return reject(call.signal.reason)
      const ms = waitMs()
      // Meanwhile the gate may have learned that fewer fit.
      const go = (waited: boolean): void => {
        const place = waited ? call.seat?.regain() : undefined
        if (place) place.then(() => pass(call, again)).then(resolve, reject)
        else resolve(take())
      }
      if (size() === 0 && ms === 0) return go(again)
      if (!call.fits(ms)) return reject(late(call, ms))
      waits(call, ms)
      const began = clock()
      const line = again ? refused : fresh
      const leave = (): void => {
        line.delete(waiter)
        stopListening()
        if (size() > 0) return
        clearTimeout(timer)
        since = timer = undefined
      }
      const waiter: Waiter = {
        until: began + call.mayWaitMs(),
        joinedAt: began,
        call,
        admit: () => {
          leave()
          call.waited('hold', clock() - began, behindMs(began))
          go(true)
        },
        fail: (reason) => {
          leave()
          reject(reason)
        },
      }
      line.add(waiter)
      earliest = Math.min(earliest, waiter.until)
      const stopListening = onAbort(call.signal, () => waiter.fail(call.signal.reason))
      if (timer === undefined) look()
    })

  return {
    get size() {
      return size()
    },
    look,
    pass,
  }
}
