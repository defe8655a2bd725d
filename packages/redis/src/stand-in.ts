import {
  type Call,
  type CallEvent,
  clock,
  type GiveUp,
  type RequestLine,
  setVerdict,
  type Weight,
} from '@aplomb/pipeline'
import { type Answer, type Facts, type ToldVerdict, verdictFrom, type Wait } from './messages.ts'
import { responseFor } from './told-response.ts'

/** What becomes of a stand-in, for the member that it stands for. */
export interface Reactions {
  go(waits: readonly Wait[]): void
  emit(event: CallEvent): void
}

/** A call of another process, at the door of the leader: its requests are sent, and its answers read, over there. */
export interface StandIn {
  readonly call: Call
  readonly request: RequestLine
  readonly owner: string
  readonly n: number
  readonly asked: number
  /** What is in flight counts until this is over. */
  inFlight: boolean
  /** Whether it was sent while it waited here. */
  gone: boolean
  /** Its way through the door: the last, where it has come back before that was over. */
  passing: Promise<unknown> | undefined
  /** Whether its last answer was of use. */
  readonly served: boolean
  /** Whether it has ended without an answer. */
  readonly failedThere: boolean
  /** Whether something may still be heard of it: its body, its weight. */
  readonly lingers: boolean
  /** Its answer is handed on: what counts its body counts from now on. */
  over(): void
  /** What its member says of it now: as it asks again. */
  tell(facts: Facts): void
  /** Goes in place of the request. `under way`: that was sent before. */
  send(underWay: boolean): Promise<Response>
  heard(answer: Answer): void
  failed(verdict: ToldVerdict, gaveUp: GiveUp | undefined): void
  settled(weight: Weight): void
  read(): void
  abort(reason: unknown): void
  /** Whether its last attempt was excused since this was asked. */
  tookExcuse(): boolean
}

export const newStandIn = (
  key: string,
  { owner, n }: Pick<StandIn, 'owner' | 'n'>,
  given: Facts,
  { go, emit }: Reactions,
): StandIn => {
  let facts = given
  let { attempt, counted, weight, canReplay, gaveUp } = given
  let deadline = Infinity
  let totalWaitMs = 0
  let waits: Wait[] = []
  let excused = false
  let failedThere = false
  let lastExcused = 0
  let answering: PromiseWithResolvers<Response> | undefined
  let answer: Answer | undefined
  let settle: ((weight: Weight) => void) | undefined
  let endBody: (() => void) | undefined
  let readBody: (() => void) | undefined
  const controller = new AbortController()

  const mayWaitMs = (): number => {
    const leftMs = deadline - clock()
    return attempt === 0 ? leftMs : Math.min(leftMs, (facts.maxTotalWaitMs ?? Infinity) - totalWaitMs)
  }

  const call: Call = {
    key,
    startedAt: Date.now(),
    sent: undefined,
    signal: controller.signal,
    canAbort: true,
    repeating: true,
    attemptTimeoutMs: undefined,
    firstSentAt: undefined,
    linedUpMs: 0,
    repeatable: given.repeatable,
    maxAttempts: given.maxAttempts,
    get id() {
      return facts.id
    },
    get attempt() {
      return attempt
    },
    get counted() {
      return counted
    },
    get aborted() {
      return controller.signal.aborted
    },
    get deadline() {
      return deadline
    },
    get canReplay() {
      return canReplay
    },
    get urgency() {
      return facts.urgency
    },
    get weight() {
      return weight
    },
    get gaveUp() {
      return gaveUp
    },
    get observed() {
      return facts.observed
    },
    get maxCarried() {
      return facts.maxCarried ?? Infinity
    },
    set maxCarried(maxCarried) {
      facts = { ...facts, maxCarried }
    },
    get maxTotalWaitMs() {
      return facts.maxTotalWaitMs ?? Infinity
    },
    mayWaitMs,
    fits: (ms) => ms < mayWaitMs(),
    waited: (kind, ms, behindMs = 0) => {
      waits.push([kind, ms, behindMs])
      totalWaitMs += attempt > 0 ? ms : behindMs
    },
    excuse: () => {
      if (attempt > lastExcused) {
        counted--
        excused = true
      }
      lastExcused = attempt
    },
    repeats: () => undefined,
    giveUp: (by, reason) => void (gaveUp ??= { by, reason }),
    weighs: (_response, tell) => {
      if (answer?.weight !== undefined) tell(answer.weight)
      else settle = tell
    },
    emit,
    on: () => () => undefined,
  }

  const tell = (news: Facts): void => {
    facts = news
    ;({ attempt, counted, weight, canReplay, gaveUp } = news)
    call.repeatable = news.repeatable
    call.maxAttempts = news.maxAttempts
    deadline = clock() + (news.deadlineMs ?? Infinity)
    // What it has waited is its member's to know; here counts what is left.
    totalWaitMs = attempt > 0 && news.mayWaitMs !== undefined ? (news.maxTotalWaitMs ?? Infinity) - news.mayWaitMs : 0
    call.linedUpMs = news.linedUpMs ?? 0
    waits = []
    answer = undefined
    failedThere = false
  }
  tell(given)

  const one: StandIn = {
    call,
    get request() {
      return facts
    },
    owner,
    n,
    get asked() {
      return facts.asked
    },
    inFlight: false,
    gone: false,
    passing: undefined,
    get served() {
      return answer?.verdict.action === 'use'
    },
    get failedThere() {
      return failedThere
    },
    get lingers() {
      return endBody !== undefined || (settle !== undefined && answer?.weight === undefined && weight !== undefined)
    },
    tell,
    // Nobody reads from it here, and what nobody reads from does not count for long.
    over: () => readBody?.(),
    send: (underWay) => {
      // It was taken, or its member left, as its turn came.
      if (call.aborted) return Promise.reject(call.signal.reason)
      answering = Promise.withResolvers()
      // The answer before was given up.
      endBody?.()
      endBody = undefined
      if (!underWay) {
        attempt++
        counted++
        // Where it need not wait here any more, it has waited all the same.
        go(waits.length === 0 && call.linedUpMs ? [['queue', call.linedUpMs, 0]] : waits)
      }
      waits = []
      call.linedUpMs = 0
      return answering.promise
    },
    heard: (its) => {
      answer = its
      ;({ canReplay } = its)
      gaveUp ??= its.gaveUp
      const { response, end } = responseFor(its)
      if (its.lasts) {
        endBody = end
        readBody = () => void response.arrayBuffer().catch(() => undefined)
      } else one.inFlight = false
      answering?.resolve(response)
    },
    failed: (verdict, its) => {
      gaveUp ??= its
      failedThere = true
      one.inFlight = false
      const error = new Error(verdict.evidence)
      setVerdict(error, verdictFrom(verdict))
      answering?.reject(error)
    },
    settled: (truth) => {
      weight = truth
      settle?.(truth)
    },
    read: () => {
      one.inFlight = false
      endBody?.()
      endBody = undefined
    },
    abort: (reason) => {
      controller.abort(reason)
      one.read()
      answering?.reject(reason)
    },
    tookExcuse: () => {
      const did = excused
      excused = false
      return did
    },
  }
  return one
}
