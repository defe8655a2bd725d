import {
  type Call,
  clock,
  type Doorway,
  keyOfAnswer,
  onAbort,
  peekedWhole,
  type RequestLine,
  setAside,
  verdictOf,
  verdictOfError,
  type Weight,
} from '@aplomb/pipeline'
import { errorFrom } from './errors.ts'
import { newSlots, type Slot } from './slots.ts'
import {
  type Answer,
  factsOf,
  type Flight,
  type Reaction,
  type Request,
  type ToldVerdict,
  toldVerdict,
} from './messages.ts'

/** Urgencies are 0 to 7 (RFC 9218). */
const URGENCIES = 8

/** What comes of waiting for the leader. */
type Outcome = { readonly go: boolean } | { readonly error: unknown }

/** A call of this process, on its way through the door of whoever leads. */
interface Seat {
  readonly n: number
  asked: number
  askedAt: number
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

/** The calls of this process that are under way. */
export interface Seats {
  readonly size: number
  pass: Doorway['pass']
  receive(reaction: Reaction): void
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
  /** A slot that was not used for so long is given back, in milliseconds. */
  readonly idleMs: number
  /** Whether a turn may be taken now. If not, it is found out. */
  readonly maySend: () => boolean
  /** How many may be in flight in all, if that is known. */
  readonly ceiling: () => number | undefined
  /** Whether the engine works, as far as is known: if not, whoever leads has stopped to count on others. */
  readonly mayKeep: () => boolean
  readonly heard: (verdict: ToldVerdict) => void
}

export const newSeats = ({ key, doorway, post, idleMs, maySend, mayKeep, ceiling, heard }: Context): Seats => {
  const seats = new Map<number, Seat>()
  /** Those that wait and were never sent, by urgency. */
  const line = Array.from({ length: URGENCIES }, () => new Set<Seat>())
  const numbers = new WeakMap<Call, number>()
  /** The last answer of each, until it is sent again. */
  const answers = new WeakMap<Call, Response>()
  let lastNumber = 0
  const slots = newSlots(idleMs, (ns) => post({ to: 'leader', type: 'back', ns }))

  const numberOf = (call: Call): number => {
    const known = numbers.get(call) ?? ++lastNumber
    numbers.set(call, known)
    return known
  }

  const settle = (seat: Seat, outcome: Outcome): void => seat.outcome.resolve(outcome)

  const waitingWith = (urgency: number): Set<Seat> => line[urgency] as Set<Seat>

  const ask = (seat: Seat): void => {
    const { n, call, request } = seat
    seat.phase = 'waiting'
    seat.slot = undefined
    if (call.attempt === 0) waitingWith(call.urgency).add(seat)
    seat.askedAt = clock()
    post({ to: 'leader', type: 'ask', n, facts: factsOf(call, request, ++seat.asked, clock()) })
  }

  const grant = (seat: Seat, slot?: Slot): void => {
    waitingWith(seat.call.urgency).delete(seat)
    seat.phase = 'granted'
    seat.slot = slot
    seat.answer = undefined
    settle(seat, { go: true })
  }

  const tellAnswer = ({ n, answer }: Seat): void => {
    if (answer) post({ to: 'leader', type: 'heard', n, answer })
  }

  /** Until it is its turn, or all is over. */
  const outcomeOf = async (seat: Seat): Promise<Outcome> => {
    for (;;) {
      const outcome = await seat.outcome.promise
      seat.outcome = Promise.withResolvers()
      // A turn may have been taken back since, or its lease may have ended: then it comes again.
      if ('error' in outcome || !outcome.go) return outcome
      if (seat.phase !== 'granted') continue
      if (maySend()) return outcome
      seat.phase = 'overdue'
    }
  }

  const answerOf = (seat: Seat, response: Response): Answer => {
    const { n, call } = seat
    const verdict = toldVerdict(verdictOf(response))
    const from = keyOfAnswer(call, response)
    let weight: Weight | undefined
    let told = false
    // Without a body, it is over before it was told of.
    let isOver = false
    const over = (): void => {
      isOver = true
      if (told && answers.get(call) === response) post({ to: 'leader', type: 'read', n })
    }
    const lasts = doorway.constraints(key).some((one) => one.lasts?.(response, over)) && !isOver
    if (verdict.action === 'use' && from === call.key)
      call.weighs(response, (truth) => {
        if (told) post({ to: 'leader', type: 'settled', n, weight: truth })
        else weight ??= truth
      })
    told = true
    return {
      verdict,
      key: from === call.key ? undefined : from,
      whole: peekedWhole(response),
      lasts,
      type: response.headers?.get?.('content-type') ?? undefined,
      weight,
      canReplay: call.canReplay,
      gaveUp: call.gaveUp,
    }
  }

  /** From now on the leader knows of it. */
  const flightOf = (seat: Seat): Flight => {
    const now = clock()
    const { n, call, request, sentAt } = seat
    const asked = (seat.asked ||= 1)
    return { n, facts: factsOf(call, request, asked, now), sinceMs: now - sentAt }
  }

  /** Whether the leader learns nothing from it that others wait for. */
  const isPlain = ({ verdict: { action, limits, retryAfterMs }, lasts, key: elsewhere }: Answer): boolean =>
    action === 'use' &&
    limits.windows.length === 0 &&
    (!limits.concurrency || limits.concurrency.limit === ceiling()) &&
    retryAfterMs === undefined &&
    !lasts &&
    elsewhere === undefined

  /** A place goes to the next that waits, as far as there is one. */
  const use = (slot: Slot): void => {
    const seat =
      slots.lasts(slot) && mayKeep()
        ? line
            .find((some) => some.size > 0)
            ?.values()
            .next().value
        : undefined
    if (!seat) return slots.free(slot)
    seat.call.waited('queue', clock() - seat.askedAt)
    grant(seat, slot)
    post({ to: 'leader', type: 'taken', n: seat.n }, false)
  }

  const leavePlace = (seat: Seat): void => {
    const { slot } = seat
    seat.slot = undefined
    if (slot) use(slot)
  }

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
    const { call, request, sentAt, slot } = seat
    // One that is kept in calm says nothing of others who use the server.
    if (slot && isPlain(answer) && (slot.until < Infinity || !answer.verdict.limits.concurrency)) {
      const now = clock()
      const facts = factsOf(call, request, 0, now)
      return post({ to: 'leader', type: 'done', facts, tookMs: now - sentAt, answer }, false)
    }
    tellFlight(seat)
    tellAnswer(seat)
  }

  /** Tells of an answer. Returns whether that is of use. */
  const hear = (seat: Seat, response: Response): boolean => {
    answers.set(seat.call, response)
    const answer = answerOf(seat, response)
    seat.phase = 'answered'
    seat.response = response
    seat.answer = answer
    heard(answer.verdict)
    tell(seat, answer)
    leavePlace(seat)
    return answer.verdict.action === 'use'
  }

  const pass: Doorway['pass'] = async (request, call, next) => {
    if (call.aborted) throw call.signal.reason
    const seat: Seat = {
      n: numberOf(call),
      asked: 0,
      askedAt: 0,
      call,
      request,
      phase: 'waiting',
      answer: undefined,
      response: undefined,
      last: undefined,
      outcome: Promise.withResolvers(),
      sentAt: 0,
      slot: undefined,
    }
    const { n } = seat
    const abort = (): void => {
      post({ to: 'leader', type: 'gone', n, sent: seat.phase === 'sent' })
      settle(seat, { error: call.signal.reason })
    }
    const stopListening = call.canAbort ? onAbort(call.signal, abort) : undefined
    seats.set(n, seat)
    try {
      seat.slot = call.attempt === 0 && mayKeep() && maySend() ? slots.take() : undefined
      if (seat.slot) {
        const response = await send(seat, next)
        if (hear(seat, response)) return response
      } else ask(seat)
      for (;;) {
        const outcome = await outcomeOf(seat)
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
      seats.delete(n)
      waitingWith(call.urgency).delete(seat)
      leavePlace(seat)
    }
  }

  const receive: Seats['receive'] = (reaction) => {
    if (reaction.type === 'known') return
    if (reaction.type === 'slot') return slots.add(reaction.n)
    if (reaction.type === 'recall') return slots.recall()
    const seat = seats.get(reaction.n)
    const slot = reaction.type === 'go' && reaction.stintMs > 0 ? slots.lend(reaction.n, reaction.stintMs) : undefined
    if (!seat) {
      // It has been given up meanwhile, or was sent in another place.
      if (slot) use(slot)
      else if (reaction.type === 'go') post({ to: 'leader', type: 'gone', n: reaction.n, sent: false })
      return
    }
    const { call } = seat
    switch (reaction.type) {
      case 'go':
        if (reaction.asked !== seat.asked || seat.phase !== 'waiting') {
          if (slot) use(slot)
          return
        }
        for (const wait of reaction.waits) call.waited(...wait)
        grant(seat, slot)
        break
      case 'again':
        if (reaction.excused) call.excuse()
        seat.phase = 'waiting'
        seat.last = seat.response && setAside(seat.response)
        call.emit(reaction.event)
        break
      case 'over':
        if (reaction.excused) call.excuse()
        if (reaction.gaveUp) call.giveUp(reaction.gaveUp.by, reaction.gaveUp.reason)
        settle(seat, { go: false })
        break
      case 'refused':
        if (reaction.gaveUp) call.giveUp(reaction.gaveUp.by, reaction.gaveUp.reason)
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
      for (const seat of seats.values()) {
        if (seat.phase !== 'overdue') continue
        // What was heard since it was given may hold it.
        post({ to: 'leader', type: 'gone', n: seat.n, sent: false })
        ask(seat)
      }
    },
  }
}
