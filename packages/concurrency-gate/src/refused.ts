import type { Again, Call, Departure, Signal } from '@aplomb/pipeline'
import type { Control } from './control.ts'
import { isSilent, LONGEST_WAIT_MS } from './signal.ts'

/** How often a call was refused before. */
export interface History {
  refusals: number
  /** When the server has failed this very call last, on the `clock`. */
  failedAt: number
}

const NAME = 'concurrency-gate'

/** A call that is refused so often for too many in flight has met a limit that others keep full. */
const MOST_REFUSALS = 40
/** The same for refusals without a reason: beyond, backoff-jitter counts and waits. */
const MOST_SILENT_REFUSALS = 20

/** A call that was refused by chance is sent again after so many milliseconds, twice as many each time. */
const CHANCE_MS = 50
const LONGEST_CHANCE_MS = 1000
/** Others keep the server full: the tries of a call that count are few, and so they are further and further apart. */
const CROWDED_MS = 50
const CROWDED_GROWTH = 3
const MOST_GROWTH = 3

/** What is known of the key at that moment. */
interface State {
  readonly control: Control
  readonly history: History
  /** In flight without an answer, this one included. */
  readonly unanswered: number
  readonly queued: number
}

/** After how many milliseconds a refused call is sent again by the gate; undefined if it is not its own to send. */
const waitFor = (
  { call, request }: Departure,
  { verdict }: Signal,
  excused: boolean,
  state: State,
): number | undefined => {
  const { control, history, unanswered } = state
  if (control.isOwn(request)) return undefined
  if (verdict.kind === 'concurrency-limited')
    return unanswered > 1 || excused ? 0 : CROWDED_MS * CROWDED_GROWTH ** Math.min(call.attempt, MOST_GROWTH)
  const silent = verdict.kind === 'rate-limited' && isSilent(verdict)
  return silent && history.refusals < MOST_SILENT_REFUSALS ? silentWaitFor(call, excused, state) : undefined
}

const silentWaitFor = (
  call: Call,
  excused: boolean,
  { control, history: { refusals }, unanswered, queued }: State,
): number | undefined => {
  if (control.random()) return Math.min(LONGEST_CHANCE_MS, CHANCE_MS * 2 ** refusals)
  const alone = unanswered + queued <= 1
  // The first try at once finds out whether it was chance; by the next ones, others may have been served.
  if (control.failing() || (!alone && (control.serving() || unanswered > 1)))
    return excused || call.counted < 2 ? 0 : CROWDED_MS * CROWDED_GROWTH ** (call.counted - 1)
  return alone && refusals === 0 && control.uncertain() ? 0 : undefined
}

const stop = ({ call }: Departure, refusals: number, waitMs: number): string | undefined => {
  if (refusals >= MOST_REFUSALS) return `refused ${refusals} times`
  if (call.counted >= Math.min(call.maxAttempts, call.maxCarried))
    return `refused ${call.counted} times, and nobody else was served meanwhile`
  if (waitMs > LONGEST_WAIT_MS || !call.fits(waitMs)) return `a wait of ${Math.ceil(waitMs)} ms is too long`
  if (!call.canReplay) return 'the request body cannot be sent again'
  return undefined
}

/** The server names its ceiling, and none of ours is below it. */
const isFullOfOthers = ({ verdict: { kind, limits } }: Signal, unanswered: number): boolean =>
  kind === 'concurrency-limited' && limits.concurrency !== undefined && unanswered <= 1

/** Whether, and when, the gate sends a refused call again. */
export const againFor = (departure: Departure, signal: Signal, state: State): Again | undefined => {
  const { call } = departure
  const { control, history, unanswered } = state
  // No failure of this call: the server serves others of its key meanwhile, or comes back from an outage that it has met.
  const excused = (control.serving() && control.servedAt() > departure.firstAt) || control.comingBack(history.failedAt)
  const waitMs = waitFor(departure, signal, excused, state)
  if (waitMs === undefined) return undefined
  if (excused || (control.serving() && isFullOfOthers(signal, unanswered))) call.excuse()
  history.refusals++
  const reason = stop(departure, history.refusals, Math.max(waitMs, signal.verdict.retryAfterMs ?? 0))
  if (reason !== undefined) {
    call.giveUp(NAME, reason)
    return undefined
  }
  // It keeps its turn, unless none of ours was in flight: then others are to try, too.
  const inFront = signal.verdict.kind === 'concurrency-limited' && unanswered > 1
  return { place: inFront ? 'front' : 'back', waitMs, apart: true }
}
