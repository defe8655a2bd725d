import { type Call, type Doorway, later } from '@aplomb/pipeline'
import { memberLeft, toldError } from './errors.ts'
import {
  aged,
  type Facts,
  type Known,
  NO_ANSWER,
  NOBODYS,
  type Reaction,
  type Request,
  type ToldVerdict,
} from './messages.ts'
import { newStandIn, type StandIn } from './stand-in.ts'

/** An aborted request has reached the server; by then that has heard of the abort, in milliseconds. */
const ABORTED_MS = 250
/** Calls that may be asked again for, or be told of. Their members do not say when that is over. */
const MOST_FINISHED = 1000

/** Runs the door of a key for all members, as a lone client does for itself. */
export interface Leader {
  receive(from: string, message: Request): void
  /** Those who are no members any more have nothing in flight. */
  keep(members: ReadonlySet<string>): void
  /** Somebody else leads: nobody waits here, and nothing that is in flight counts. */
  resign(): void
  /** What the constraints of the door should know. */
  learn(known: readonly Known[]): void
  /** Whether anybody waits or is in flight. */
  readonly busy: boolean
  readonly inFlight: number
  /** How many may be, as far as is known. */
  readonly ceiling: number | undefined
}

interface Context {
  readonly key: string
  readonly doorway: Doorway
  /** By the calls at the door. */
  readonly standIns: WeakMap<Call, StandIn>
  readonly post: (to: string, reaction: Reaction) => void
  /** A member has heard an answer. */
  readonly heard: (from: string, verdict: ToldVerdict) => void
}

export const newLeader = ({ key, doorway, standIns, post, heard }: Context): Leader => {
  const calls = new Map<string, StandIn>()
  const finished = new Map<string, StandIn>()
  const idOf = (owner: string, n: number): string => `${owner} ${n}`

  const standInFor = (owner: string, n: number, facts: Facts): StandIn => {
    const id = idOf(owner, n)
    const known = calls.get(id) ?? finished.get(id)
    finished.delete(id)
    known?.tell(facts)
    const one =
      known ??
      newStandIn(key, owner, facts, {
        go: (waits) => post(owner, { to: 'member', type: 'go', n, asked: one.asked, waits }),
        emit: (event) => {
          if (event.type === 'retry') post(owner, { to: 'member', type: 'again', n, excused: one.tookExcuse(), event })
          else if (event.type !== 'give-up') post(owner, { to: 'member', type: 'event', n, event })
        },
      })
    calls.set(id, one)
    standIns.set(one.call, one)
    return one
  }

  /** Whether it is not gone, or replaced by one of the same name. */
  const isCurrent = (n: number, one: StandIn): boolean => calls.get(idOf(one.owner, n)) === one

  const finish = (n: number, one: StandIn, mayComeBack: boolean): void => {
    const id = idOf(one.owner, n)
    calls.delete(id)
    if (!mayComeBack && !one.lingers) return
    finished.set(id, one)
    for (const [oldest, { inFlight }] of finished) {
      if (finished.size <= MOST_FINISHED) return
      if (!inFlight) finished.delete(oldest)
    }
  }

  const run = (n: number, one: StandIn, underWay: boolean): void => {
    const { owner, call, request } = one
    let first = underWay
    const next = (): Promise<Response> => {
      const admitted = first
      first = false
      return one.send(admitted)
    }
    doorway.pass(request, call, next, underWay).then(
      () => {
        const { gaveUp } = call
        one.over()
        if (!isCurrent(n, one)) return
        finish(n, one, !one.served)
        if (!one.served) post(owner, { to: 'member', type: 'over', n, excused: one.tookExcuse(), gaveUp })
      },
      (error: unknown) => {
        const { gaveUp } = call
        if (!isCurrent(n, one)) return
        finish(n, one, true)
        // One that has failed over there has failed for its caller.
        if (!one.failedThere) post(owner, { to: 'member', type: 'refused', n, error: toldError(error), gaveUp })
      },
    )
  }

  const drop = (isDropped: (one: StandIn) => boolean): void => {
    for (const map of [calls, finished])
      for (const [id, one] of map) {
        if (!isDropped(one)) continue
        map.delete(id)
        one.abort(memberLeft())
      }
  }

  const receive: Leader['receive'] = (from, message) => {
    if (message.type === 'state') {
      // What it had asked for before, nobody waits for any more.
      drop(({ owner }) => owner === from)
      for (const { n, facts } of message.flights) run(n, standInFor(from, n, facts), true)
      return
    }
    const { n } = message
    if (message.type === 'ask') return run(n, standInFor(from, n, message.facts), false)
    const one = calls.get(idOf(from, n)) ?? finished.get(idOf(from, n))
    if (!one) return
    switch (message.type) {
      case 'gone':
        if (message.sent) later(() => drop((its) => its === one), ABORTED_MS)
        else drop((its) => its === one)
        break
      case 'heard':
        one.heard(message.answer)
        heard(from, message.answer.verdict)
        break
      case 'failed':
        one.failed(message.verdict, message.gaveUp)
        break
      case 'settled':
        one.settled(message.weight)
        break
      case 'read':
        one.read()
        finished.delete(idOf(from, n))
    }
  }

  const learn = (known: readonly Known[]): void => {
    for (const { verdict, ageMs } of known) {
      const one = newStandIn(key, '', NOBODYS, { go: () => undefined, emit: () => undefined })
      standIns.set(one.call, one)
      void doorway.pass(one.request, one.call, () => one.send(true), true).catch(() => undefined)
      one.heard({ ...NO_ANSWER, verdict: aged(verdict, ageMs) })
    }
  }

  const all = function* (): IterableIterator<StandIn> {
    yield* calls.values()
    yield* finished.values()
  }

  return {
    receive,
    learn,
    keep: (members) => drop(({ owner }) => !members.has(owner)),
    resign: () => drop(() => true),
    get busy() {
      return calls.size > 0
    },
    get inFlight() {
      let count = 0
      for (const { inFlight } of all()) if (inFlight) count++
      return count
    },
    get ceiling() {
      let least: number | undefined
      for (const { ceiling } of doorway.constraints(key)) {
        const most = ceiling?.()
        if (most !== undefined) least = Math.min(least ?? Infinity, most)
      }
      return least
    },
  }
}
