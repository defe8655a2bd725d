import { type Call, clock, type Constraint, later, QueueTimeoutError, type RequestLine } from '@aplomb/pipeline'
import { type Answer, factsOf, type Flight, type Wait } from './messages.ts'
import type { Slot } from './slots.ts'

/** What comes of waiting for the leader. */
export type Outcome = { readonly go: boolean } | { readonly error: unknown }

/** A call of this process, on its way through the door of whoever leads. */
export interface Seat {
  readonly n: number
  asked: number
  /** How many waits had been told of when it asked, or was answered: its turn is given with these in mind. */
  waitsTold: number
  /** Since when it waits for a turn that it takes, on the `clock`. */
  linedUpAt: number
  /** What it has waited for, as soon as it takes its turn. */
  waits: readonly Wait[]
  readonly call: Call
  readonly request: RequestLine
  /** It waits for its turn; has it; has it and may not take it any more; is in flight; its answer is being looked at. */
  phase: 'waiting' | 'granted' | 'overdue' | 'sent' | 'answered'
  answer: Answer | undefined
  response: Response | undefined
  /** The last answer, where it will be sent again. */
  last: Response | undefined
  outcome: PromiseWithResolvers<Outcome>
  /** When it was sent last, on the `clock`. */
  sentAt: number
  /** What it was sent on, or is to be, without its own turn. */
  slot: Slot | undefined
}

export const newSeat = (n: number, call: Call, request: RequestLine): Seat => ({
  n,
  asked: 0,
  waitsTold: 0,
  linedUpAt: clock(),
  waits: [],
  call,
  request,
  phase: 'waiting',
  answer: undefined,
  response: undefined,
  last: undefined,
  outcome: Promise.withResolvers(),
  sentAt: 0,
  slot: undefined,
})

/** A call has its number for as long as it lives, however often it comes back. */
export const newNumbers = (): ((call: Call) => number) => {
  const numbers = new WeakMap<Call, number>()
  let last = 0
  return (call) => {
    const known = numbers.get(call) ?? ++last
    numbers.set(call, known)
    return known
  }
}

export const settle = (seat: Seat, outcome: Outcome): void => seat.outcome.resolve(outcome)

interface Waiting {
  readonly mayGo: (seat: Seat) => boolean
  readonly constraints: () => readonly Constraint[]
  /** For how much longer than it may wait its leader may take to say so, in milliseconds. */
  readonly graceMs: number
  /** It does not wait any more. */
  readonly gone: (seat: Seat) => void
}

/** `setTimeout` takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Timeout of a call that waits for the leader, on the clock of its member, in milliseconds. */
const patienceMs = ({ call, phase, linedUpAt }: Seat, constraints: Waiting['constraints']): number => {
  if (phase === 'answered') return call.mayWaitMs()
  const linedUpMs = clock() - linedUpAt
  // One that was sent before may wait apart from the line, too: of that only the leader knows.
  if (call.attempt > 0) return call.mayWaitMs() - linedUpMs
  return Math.min(...constraints().map(({ queueTimeoutMs = Infinity }) => queueTimeoutMs)) - linedUpMs
}

const outOfPatience = ({ key, attempt }: Call, constraints: Waiting['constraints']): Error => {
  const queueTimeoutMs = constraints().find((one) => one.queueTimeoutMs !== undefined)?.queueTimeoutMs
  if (attempt === 0 && queueTimeoutMs !== undefined) return new QueueTimeoutError(key, queueTimeoutMs, attempt)
  return new DOMException('The call has waited for whoever leads as long as maxTotalWaitMs allows', 'TimeoutError')
}

/** Resolves with its turn, or the end of its wait: the leader enforces the time limit, and without a leader the member does. */
export const outcomeOf = async (seat: Seat, { mayGo, constraints, graceMs, gone }: Waiting): Promise<Outcome> => {
  for (;;) {
    const ms = seat.phase === 'granted' ? Infinity : patienceMs(seat, constraints) + graceMs
    const giveUp = (): void => {
      const error = outOfPatience(seat.call, constraints)
      seat.call.giveUp('fleet', error.message)
      gone(seat)
      settle(seat, seat.phase === 'answered' ? { go: false } : { error })
    }
    const timer = ms < LONGEST_TIMER_MS ? later(giveUp, Math.max(0, ms)) : undefined
    const outcome = await seat.outcome.promise
    clearTimeout(timer)
    seat.outcome = Promise.withResolvers()
    // A turn may have been taken back since, or its lease may have ended: then it comes again.
    if ('error' in outcome || !outcome.go) return outcome
    if (seat.phase !== 'granted' || !mayGo(seat)) continue
    for (const wait of seat.waits) seat.call.waited(...wait)
    return outcome
  }
}

/** From now on the leader knows of it. */
export const flightOf = (seat: Seat): Flight => {
  const now = clock()
  const { n, call, request, sentAt } = seat
  const asked = (seat.asked ||= 1)
  return { n, facts: factsOf(call, request, asked, now), sinceMs: now - sentAt }
}

/** Urgencies are 0 to 7 (RFC 9218). */
const URGENCIES = 8

/** Those that wait and were never sent: of the most urgent, the first that came. */
export interface WaitingLine {
  join(seat: Seat): void
  leave(seat: Seat): void
  first(): Seat | undefined
}

export const newWaitingLine = (): WaitingLine => {
  const seats = Array.from({ length: URGENCIES }, () => new Set<Seat>())
  return {
    join: (seat) => void seats[seat.call.urgency]?.add(seat),
    leave: (seat) => void seats[seat.call.urgency]?.delete(seat),
    first: () =>
      seats
        .find(({ size }) => size > 0)
        ?.values()
        .next().value,
  }
}
