import { type Call, clock, type Doorway, onAbort, setAside, verdictOfError } from '@aplomb/pipeline'
import { answerOf, dated, isPlain } from './answer.ts'
import { errorFrom } from './errors.ts'
import { HEARD, LATE } from './lease.ts'
import { type Answer, factsOf, type Reaction, type Request, type ToldVerdict, toldVerdict } from './messages.ts'
import { flightOf, newNumbers, newSeat, newWaitingLine, outcomeOf, type Seat, settle } from './seat.ts'
import { newSlots, type Slot } from './slots.ts'

/** The calls of this process that are under way. */
export interface Seats {
  readonly size: number
  pass: Doorway['pass']
  receive(reaction: Exclude<Reaction, { type: 'known' }>): void
  /** Tells a new leader of all: what is in flight, who waits. */
  retell(tellFlights: (flights: Extract<Request, { type: 'state' }>['flights']) => void): void
  /** Gives back what is not used. */
  tidy(): void
  /** Turns that had come too late may be asked for again. */
  renewed(): void
}

interface Context {
  readonly key: string
  readonly doorway: Doorway
  /** `soon`: somebody waits for what follows. */
  readonly post: (request: Request, soon?: boolean) => void
  readonly leaseMs: number
  /** Whether a turn may be taken now. If not, it is found out. */
  readonly maySend: () => boolean
  /** How many may be in flight in all, if that is known. */
  readonly ceiling: () => number | undefined
  /** Whether the engine works, as far as is known: if not, whoever leads has stopped to count on others. */
  readonly mayKeep: () => boolean
  readonly heard: (verdict: ToldVerdict) => void
}

export const newSeats = ({ key, doorway, post, leaseMs, maySend, mayKeep, ceiling, heard }: Context): Seats => {
  const seats = new Map<number, Seat>()
  const line = newWaitingLine()
  const numberOf = newNumbers()
  /** The last answer of each, until it is sent again. */
  const answers = new WeakMap<Call, Response>()
  /** How many waits were named here, and the end of the longest, on the `clock`, as far as the leader may not know of it. */
  let told = { waits: 0, until: -Infinity }
  const isHeld = (): boolean => clock() < told.until
  const slots = newSlots(leaseMs * LATE, (ns) => post({ to: 'leader', type: 'back', ns }))

  const ask = (seat: Seat): void => {
    const { n, call, request } = seat
    seat.phase = 'waiting'
    seat.slot = undefined
    if (call.attempt === 0) line.join(seat)
    seat.waitsTold = told.waits
    const facts = factsOf(call, request, ++seat.asked, clock(), clock() - seat.linedUpAt)
    post({ to: 'leader', type: 'ask', n, facts })
  }

  const grant = (seat: Seat, waits: Seat['waits'], slot?: Slot): void => {
    line.leave(seat)
    seat.phase = 'granted'
    seat.waits = waits
    seat.slot = slot
    seat.answer = undefined
    settle(seat, { go: true })
  }

  const gone = ({ n, phase }: Pick<Seat, 'n' | 'phase'>): void =>
    post({ to: 'leader', type: 'gone', n, sent: phase === 'sent' })

  const tellAnswer = ({ n, answer }: Seat): void => {
    if (answer) post({ to: 'leader', type: 'heard', n, answer })
  }

  /** A place goes to the next that waits, as far as there is one. */
  const use = (slot: Slot): void => {
    const seat = slots.lasts(slot) && !isHeld() && mayKeep() ? line.first() : undefined
    if (!seat) return slots.free(slot)
    grant(seat, [['queue', clock() - seat.linedUpAt, 0]], slot)
    post({ to: 'leader', type: 'taken', n: seat.n }, false)
  }

  const leavePlace = (seat: Seat): void => {
    const { slot } = seat
    seat.slot = undefined
    if (slot) use(slot)
  }

  /** What was heard since it was given may hold it. */
  const askAgain = (seat: Seat): void => {
    if (seat.slot) leavePlace(seat)
    else gone(seat)
    ask(seat)
  }

  const mayGo = (seat: Seat): boolean => {
    // The leader could not know of it yet.
    if (told.waits > seat.waitsTold && isHeld()) askAgain(seat)
    else if (maySend()) return true
    else seat.phase = 'overdue'
    return false
  }

  const waiting = { mayGo, gone, constraints: () => doorway.constraints(key), graceMs: leaseMs * LATE }

  /** Of one whose turn the leader has not seen. */
  const tellFlight = (seat: Seat): void => {
    if (seat.slot) post({ to: 'leader', type: 'flight', ...flightOf(seat) })
  }

  const send = async (seat: Seat, next: () => Promise<Response>): Promise<Response> => {
    const { n, call, request } = seat
    seat.phase = 'sent'
    seat.sentAt = clock()
    answers.delete(call)
    try {
      return await next()
    } catch (error) {
      const verdict = toldVerdict(verdictOfError(error, { signal: call.signal, request }))
      tellFlight(seat)
      post({ to: 'leader', type: 'failed', n, verdict, gaveUp: call.gaveUp })
      throw error
    }
  }

  const tell = (seat: Seat, answer: Answer): void => {
    const { call, request, slot } = seat
    // One that is kept in calm says nothing of others who use the server.
    if (slot && isPlain(answer, ceiling()) && (slot.until < Infinity || !answer.verdict.limits.concurrency)) {
      const facts = factsOf(call, request, 0, clock())
      return post({ to: 'leader', type: 'done', facts, answer: dated(answer) }, false)
    }
    tellFlight(seat)
    tellAnswer(seat)
  }

  /** Tells of an answer. Returns whether nobody sends it again, whatever is heard of it. */
  const hear = (seat: Seat, response: Response): boolean => {
    const { call } = seat
    answers.set(call, response)
    const constraints = doorway.constraints(key)
    const answer = answerOf(seat, response, { constraints, post, isLatest: () => answers.get(call) === response })
    seat.phase = 'answered'
    seat.response = response
    seat.answer = answer
    const { verdict } = answer
    heard(verdict)
    // Whoever leads takes them back, too, but hears of it later: by then each could have earned more refusals.
    if (verdict.action !== 'use') slots.recall()
    const heldMs = Math.min(verdict.retryAfterMs ?? 0, leaseMs * HEARD)
    if (heldMs > 0) told = { waits: told.waits + 1, until: Math.max(told.until, clock() + heldMs) }
    tell(seat, answer)
    seat.waitsTold = told.waits
    leavePlace(seat)
    return verdict.action === 'use' || !verdict.retryable
  }

  const pass: Doorway['pass'] = async (request, call, next) => {
    if (call.aborted) throw call.signal.reason
    const seat = newSeat(numberOf(call), call, request)
    const abort = (): void => {
      gone(seat)
      settle(seat, { error: call.signal.reason })
    }
    const stopListening = call.canAbort ? onAbort(call.signal, abort) : undefined
    seats.set(seat.n, seat)
    try {
      seat.slot = call.attempt === 0 && !isHeld() && mayKeep() && maySend() ? slots.take() : undefined
      if (seat.slot) {
        const response = await send(seat, next)
        if (hear(seat, response)) return response
      } else ask(seat)
      for (;;) {
        const outcome = await outcomeOf(seat, waiting)
        if ('error' in outcome) {
          if (seat.last && !call.aborted) return seat.last
          throw outcome.error
        }
        if (!outcome.go) return seat.response as Response
        const response = await send(seat, next)
        if (hear(seat, response)) return response
      }
    } finally {
      stopListening?.()
      seats.delete(seat.n)
      line.leave(seat)
      leavePlace(seat)
    }
  }

  const receive: Seats['receive'] = (reaction) => {
    if (reaction.type === 'slot') return slots.add(reaction.n)
    if (reaction.type === 'recall') return slots.recall()
    const seat = seats.get(reaction.n)
    const slot = reaction.type === 'go' && reaction.stintMs > 0 ? slots.lend(reaction.n, reaction.stintMs) : undefined
    if (!seat) {
      // It has been given up meanwhile, or was sent in another place.
      if (slot) use(slot)
      else if (reaction.type === 'go') gone({ n: reaction.n, phase: 'waiting' })
      return
    }
    const { call } = seat
    if ('excused' in reaction && reaction.excused) call.excuse()
    if ('gaveUp' in reaction && reaction.gaveUp) call.giveUp(reaction.gaveUp.by, reaction.gaveUp.reason)
    switch (reaction.type) {
      case 'go':
        if (reaction.asked === seat.asked && seat.phase === 'waiting') grant(seat, reaction.waits, slot)
        else if (slot) use(slot)
        break
      case 'again':
        seat.phase = 'waiting'
        seat.linedUpAt = clock()
        seat.last = seat.response && setAside(seat.response)
        call.emit(reaction.event)
        break
      case 'over':
        settle(seat, { go: false })
        break
      case 'refused':
        settle(seat, { error: errorFrom(reaction.error, key) })
        break
      case 'event':
        call.emit(reaction.event)
    }
  }

  return {
    get size() {
      return seats.size
    },
    pass,
    receive,
    retell: (tellFlights) => {
      slots.clear()
      const all = [...seats.values()]
      for (const seat of all) seat.slot = undefined
      tellFlights(all.filter(({ phase }) => phase === 'sent' || phase === 'answered').map(flightOf))
      for (const seat of all) {
        if (seat.phase === 'answered') tellAnswer(seat)
        else if (seat.phase !== 'sent') ask(seat)
      }
    },
    tidy: slots.tidy,
    renewed: () => {
      for (const seat of seats.values()) if (seat.phase === 'overdue') askAgain(seat)
    },
  }
}
