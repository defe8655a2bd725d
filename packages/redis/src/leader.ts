import { type Call, clock, type Doorway, later } from '@aplomb/pipeline'
import { toldError } from './errors.ts'
import {
  type Answer,
  type Facts,
  type Flight,
  NOBODYS,
  type OfCall,
  type Reaction,
  type Request,
  type ToldVerdict,
} from './messages.ts'
import { newLedger } from './ledger.ts'
import { UNHEARD } from './hearsay.ts'
import { newStandIn, type StandIn } from './stand-in.ts'
import { newTenure } from './tenure.ts'

/** An aborted request has reached the server; by then that has heard of the abort, in milliseconds. */
const ABORTED_MS = 250

/** Runs the door of a key for all members, as a lone client does for itself. */
export interface Leader {
  receive(from: string, message: Request): void
  /** Those who are no members any more have nothing in flight. */
  keep(members: ReadonlySet<string>): void
  /** Somebody else leads: nobody waits here, and nothing that is in flight counts. */
  resign(): void
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
  const ledger = newLedger()
  const { calls, places } = ledger
  const tenure = newTenure((owner) => post(owner, { to: 'member', type: 'recall' }))
  let lastSlot = 0

  const standInFor = (owner: string, n: number, facts: Facts): StandIn => {
    const known = ledger.comesBack(owner, n)
    known?.tell(facts)
    const one =
      known ??
      newStandIn(key, { owner, n }, facts, {
        go: (waits) => {
          if (n < 0) return post(owner, { to: 'member', type: 'slot', n })
          tenure.goes(owner)
          const stintMs = stintFor(one)
          if (stintMs > 0) ledger.keep(one)
          return post(owner, { to: 'member', type: 'go', n, asked: one.asked, waits, stintMs })
        },
        emit: (event) => {
          if (event.type === 'retry') post(owner, { to: 'member', type: 'again', n, excused: one.tookExcuse(), event })
          else if (event.type !== 'give-up') post(owner, { to: 'member', type: 'event', n, event })
        },
      })
    calls.add(one)
    standIns.set(one.call, one)
    return one
  }

  const ceiling = (certain?: boolean): number | undefined => {
    const all = doorway.constraints(key).flatMap((one) => one.ceiling?.(certain) ?? [])
    return all.length > 0 ? Math.min(...all) : undefined
  }

  const isFree = (): boolean => doorway.constraints(key).every(({ free }) => free?.() ?? false)

  /** What a member has used it may keep, as long as nobody waits and nothing is known that anybody would have to wait for. */
  const giveSlot = (owner: string): void => {
    if (owner === me || !tenure.maySlot(owner) || ledger.waits() || !isFree()) return
    const one = standInFor(owner, --lastSlot, { ...NOBODYS, attempt: 0, counted: 0 })
    run(one)
    if (!one.inFlight) return release(one)
    tenure.slotted(owner)
    ledger.keep(one)
  }

  /** Where only the ceiling keeps calls waiting, it is the same which of a member's calls has its place. */
  const stintFor = ({ owner, call }: StandIn): number => {
    const most = ceiling(true)
    return call.attempt > 1 || most === undefined || !ledger.waits() || !isFree()
      ? 0
      : tenure.beginStint(owner, call.urgency, most, calls.owners)
  }

  /** `sentAt`: it is under way already, since then. */
  const run = (one: StandIn, sentAt?: number): void => {
    const { owner, n, call, request } = one
    let underWay = sentAt !== undefined
    const next = (): Promise<Response> => {
      const was = underWay
      underWay = false
      return one.send(was)
    }
    const passing = doorway.pass(request, call, next, sentAt)
    one.passing = passing
    /** Or it was given up; or it has come back before this was over. */
    const isIts = (): boolean => calls.get(owner, n) === one && one.passing === passing
    passing.then(
      () => {
        one.over()
        if (!isIts()) return
        ledger.finish(one, !one.served)
        if (one.served) giveSlot(owner)
        else post(owner, { to: 'member', type: 'over', n, excused: one.tookExcuse(), gaveUp: call.gaveUp })
      },
      (error: unknown) => {
        if (!isIts()) return
        ledger.finish(one, true)
        // One that has failed over there has failed for its caller.
        if (!one.failedThere)
          post(owner, { to: 'member', type: 'refused', n, error: toldError(error), gaveUp: call.gaveUp })
      },
    )
  }

  const ask = (from: string, n: number, facts: Facts): void => {
    const others = calls.of(from) + places.of(from) > 0
    const one = standInFor(from, n, facts)
    run(one)
    if (one.inFlight) tenure.passed(from, calls.of(from))
    else tenure.waits(from, one.call.urgency, others)
  }

  const release = (one: StandIn): void => {
    ledger.drop(one)
    if (calls.of(one.owner) === 0) tenure.goes(one.owner)
  }

  const takeOver = (from: string, { n, facts, sinceMs }: Flight): void =>
    run(standInFor(from, n, facts), clock() - sinceMs)

  /** Of a call that is over. */
  const learnOf = (answer: Answer, facts: Facts): void => {
    // For as long as it took: round trips are measured. When that was, its answer says.
    const sentAt = clock() - (answer.tookMs ?? 0)
    const one = newStandIn(key, { owner: '', n: 0 }, facts, UNHEARD)
    standIns.set(one.call, one)
    doorway.pass(one.request, one.call, () => one.send(true), sentAt).catch(() => undefined)
    one.heard(answer)
  }

  /** Of a call that has been let through. */
  const follow = (from: string, one: StandIn, message: OfCall): void => {
    switch (message.type) {
      case 'gone':
        if (message.sent) later(() => release(one), ABORTED_MS)
        else release(one)
        break
      case 'taken':
        one.gone = true
        release(one)
        break
      case 'heard':
        one.heard(message.answer)
        heard(from, message.answer.verdict)
        if (message.answer.verdict.action !== 'use' || !isFree()) tenure.recall()
        break
      case 'failed':
        one.failed(message.verdict, message.gaveUp)
        break
      case 'settled':
        one.settled(message.weight)
        break
      case 'read':
        one.read()
        ledger.settled(one)
    }
  }

  const receive: Leader['receive'] = (from, message) => {
    switch (message.type) {
      case 'state':
        // What it had asked for before, nobody waits for any more.
        ledger.dropIf(({ owner }) => owner === from)
        tenure.forget((owner) => owner === from)
        for (const flight of message.flights) takeOver(from, flight)
        break
      case 'done':
        learnOf(message.answer, message.facts)
        break
      case 'back':
        for (const n of message.ns) {
          const one = places.get(from, n)
          if (one) release(one)
        }
        break
      case 'flight':
        takeOver(from, message)
        break
      case 'ask':
        ask(from, message.n, message.facts)
        break
      case 'gone':
      case 'taken':
      case 'heard':
      case 'failed':
      case 'settled':
      case 'read': {
        const one = ledger.find(from, message.n)
        if (one) follow(from, one, message)
      }
    }
  }

  return {
    receive,
    keep: (those) => {
      ledger.dropIf(({ owner }) => !those.has(owner))
      tenure.forget((owner) => !those.has(owner))
    },
    resign: () => {
      ledger.dropIf(() => true)
      tenure.forget(() => true)
    },
    get busy() {
      return calls.size + places.size > 0
    },
    get inFlight() {
      return ledger.inFlight()
    },
    get ceiling() {
      return ceiling()
    },
  }
}
