import { type Call, clock, type Doorway, later } from '@aplomb/pipeline'
import { memberLeft, toldError } from './errors.ts'
import {
  aged,
  type Answer,
  type Facts,
  type Flight,
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
/**
 * A member is given slots that has asked so often, for so long in milliseconds, without anybody waiting or a burst. A slot
 * that outlives a burst would keep the key from coming to rest, and the next burst would be as large at once.
 */
const STEADY_TIMES = 8
const STEADY_MS = 250
/** More calls under way than these are a burst; a member with more slots asks for the others. */
const MOST_SLOTS = 16
/** Calls that may be asked again for, or be told of. Their members do not say when that is over. */
const MOST_FINISHED = 1000

/** Runs the door of a key for all members, as a lone client does for itself. */
export interface Leader {
  receive(from: string, message: Request): void
  /** Those who are no members any more have nothing in flight. */
  keep(members: ReadonlySet<string>): void
  /** Somebody else leads: nobody waits here, and nothing that is in flight counts. */
  resign(): void
  /** What the constraints of the door should know. Resolves when they do. */
  learn(known: readonly Known[]): Promise<unknown>
  /** Whether anybody waits or is in flight. */
  readonly busy: boolean
  readonly inFlight: number
  /** How many may be, as far as is known. */
  readonly ceiling: number | undefined
}

interface Context {
  readonly key: string
  readonly me: string
  readonly doorway: Doorway
  /** By the calls at the door. */
  readonly standIns: WeakMap<Call, StandIn>
  readonly post: (to: string, reaction: Reaction) => void
  /** A member has heard an answer. */
  readonly heard: (from: string, verdict: ToldVerdict) => void
}

export const newLeader = ({ key, me, doorway, standIns, post, heard }: Context): Leader => {
  const calls = new Map<string, StandIn>()
  const finished = new Map<string, StandIn>()
  /** How often each has asked since when, while nobody waited. */
  const steady = new Map<string, { times: number; readonly since: number; at: number }>()
  /** How many each has. */
  const slots = new Map<string, number>()
  let lastSlot = 0
  const idOf = (owner: string, n: number): string => `${owner} ${n}`

  const standInFor = (owner: string, n: number, facts: Facts): StandIn => {
    const id = idOf(owner, n)
    const known = calls.get(id) ?? finished.get(id)
    finished.delete(id)
    known?.tell(facts)
    const one =
      known ??
      newStandIn(key, { owner, n }, facts, {
        go: (waits) =>
          n < 0
            ? post(owner, { to: 'member', type: 'slot', n })
            : post(owner, { to: 'member', type: 'go', n, asked: one.asked, waits }),
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

  const waits = (): boolean => {
    for (const { inFlight } of calls.values()) if (!inFlight) return true
    return false
  }

  const isFree = (): boolean => doorway.constraints(key).every(({ free }) => free?.() ?? false)

  /** What a member has used it may keep, as long as nobody waits and nothing is known that anybody would have to wait for. */
  const giveSlot = (owner: string): void => {
    const held = slots.get(owner) ?? 0
    if (owner === me || held >= MOST_SLOTS || !isSteady(owner) || waits() || !isFree()) return
    const n = --lastSlot
    const one = standInFor(owner, n, { ...NOBODYS, attempt: 0, counted: 0 })
    run(n, one)
    if (one.inFlight) slots.set(owner, held + 1)
    else drop((its) => its === one)
  }

  const isSteady = (owner: string): boolean => {
    const { times, since } = steady.get(owner) ?? { times: 0, since: Infinity }
    return times >= STEADY_TIMES && clock() - since >= STEADY_MS
  }

  /** Calls that come together count as one. */
  const noteSteady = (owner: string): void => {
    let held = 0
    for (const count of slots.values()) held += count
    if (calls.size - held > MOST_SLOTS) return steady.clear()
    const now = Math.floor(clock())
    const known = steady.get(owner)
    if (!known) steady.set(owner, { times: 1, since: now, at: now })
    else if (now > known.at) {
      known.times++
      known.at = now
    }
  }

  const recall = (): void => {
    steady.clear()
    for (const owner of slots.keys()) post(owner, { to: 'member', type: 'recall' })
    slots.clear()
  }

  /** `sentAt`: it is under way already, since then. */
  const run = (n: number, one: StandIn, sentAt?: number): void => {
    const { owner, call, request } = one
    let underWay = sentAt !== undefined
    const next = (): Promise<Response> => {
      const was = underWay
      underWay = false
      return one.send(was)
    }
    const passing = doorway.pass(request, call, next, sentAt)
    if (n > 0 && sentAt === undefined) {
      if (one.inFlight) noteSteady(owner)
      else recall()
    }
    passing.then(
      () => {
        const { gaveUp } = call
        one.over()
        if (!isCurrent(n, one)) return
        finish(n, one, !one.served)
        if (one.served) giveSlot(owner)
        else post(owner, { to: 'member', type: 'over', n, excused: one.tookExcuse(), gaveUp })
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

  const takeOver = (from: string, { n, facts, sinceMs }: Flight): void =>
    run(n, standInFor(from, n, facts), clock() - sinceMs)

  /** Of a call that is over. */
  const learnOf = (answer: Answer, facts: Facts, sentAt: number): Promise<unknown> => {
    const one = newStandIn(key, { owner: '', n: 0 }, facts, { go: () => undefined, emit: () => undefined })
    standIns.set(one.call, one)
    const passing = doorway.pass(one.request, one.call, () => one.send(true), sentAt).catch(() => undefined)
    one.heard(answer)
    return passing
  }

  const receive: Leader['receive'] = (from, message) => {
    if (message.type === 'state') {
      // What it had asked for before, nobody waits for any more.
      drop(({ owner }) => owner === from)
      slots.delete(from)
      for (const flight of message.flights) takeOver(from, flight)
      return
    }
    if (message.type === 'done') return void learnOf(message.answer, message.facts, clock() - message.tookMs)
    if (message.type === 'back') return drop(({ owner, n }) => owner === from && message.ns.includes(n))
    const { n } = message
    if (message.type === 'flight') return takeOver(from, message)
    if (message.type === 'ask') return run(n, standInFor(from, n, message.facts))
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
        if (message.answer.verdict.action !== 'use') recall()
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

  const learn: Leader['learn'] = (known) =>
    Promise.all(
      known.map(({ verdict, ageMs }) => learnOf({ ...NO_ANSWER, verdict: aged(verdict, ageMs) }, NOBODYS, clock())),
    )

  const all = function* (): IterableIterator<StandIn> {
    yield* calls.values()
    yield* finished.values()
  }

  return {
    receive,
    learn,
    keep: (members) => {
      drop(({ owner }) => !members.has(owner))
      for (const owner of slots.keys()) if (!members.has(owner)) slots.delete(owner)
    },
    resign: () => {
      drop(() => true)
      slots.clear()
      steady.clear()
    },
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
