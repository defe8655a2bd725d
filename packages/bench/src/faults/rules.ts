import { inspect } from 'node:util'
import type { Member } from './member.ts'
import type { Plan } from './plan.ts'
import { type Asked, isServed, type Pause, type Sending } from './record.ts'
import type { Server } from './server.ts'

export type RuleName =
  | 'attempts'
  | 'repeats'
  | 'ceiling'
  | 'named time'
  | 'settles'
  | 'bound'
  | 'time-out'
  | 'abort'
  | 'credits'
  | 'budget'
  | 'left over'
  | 'secret'
  | 'mix-up'
  | 'crash'

export interface Violation {
  readonly rule: RuleName
  readonly what: string
}

/** What a process says of itself in the end. */
interface Account {
  readonly member: Member
  readonly stats: { readonly active: number; readonly queued: number }
  readonly spent: (server: number) => number
  readonly reserved: number
  readonly timers: number
}

/** All that is known of a run, from both ends of the network. Nothing in it was found out by the code under test, but for accounts. */
export interface Facts {
  readonly plan: Plan
  readonly calls: readonly Asked[]
  /** Of processes that were killed: what those had heard, others may know. */
  readonly lost: readonly Asked[]
  readonly pauses: readonly Pause[]
  readonly attemptTimeoutMs: number | undefined
  readonly servers: readonly Server[]
  readonly processes: readonly Account[]
  /** What was told, and has a secret in it. */
  readonly leaks: readonly string[]
  /** Whether calls were left that never settled. */
  readonly hung: boolean
}

/** What happens within the same millisecond happens at once. */
const AT_ONCE_MS = 1
/** Documented: retry-after's `maxWaitMs`, the pipeline's `maxTotalWaitMs`, and how long an error's body is read. */
const MAX_WAIT_MS = 60_000
const MAX_TOTAL_WAIT_MS = 300_000
const PEEK_MS = 1000
/** Documented: how long the meter waits for what others will cost, before each attempt. */
const METER_MS = 60_000
/** Documented: for how long after a success refusals are taken for a lost race, or a full server. */
const RACE_MS = 10_000
/** Documented: what does not count may happen 40 (in flight), 20 (at random, or a window) and 16 times (a race). */
const UNCOUNTED = 40 + 20 + 16
/** Documented: an outage of a call's own, from which a server is just coming back. */
const COMING_BACK_MS = 60_000
/** Documented: for how long an answer is kept until a store has its cost. Who stands above the meter hears of it then. */
const STORE_MS = 1000
/** After that the others of a fleet have heard of it: a look makes up for a push that is lost. */
const NEWS_MS = 1000

const ms = (time: number): string => `${Math.round(time * 1000) / 1000} ms`
const nameOf = ({ call, at }: Sending): string => `call ${call.n} at ${ms(at)}`

/** How long of that time a process stood still. Whatever was due then came after it. */
const stoodStill = ({ pauses }: Facts, of: Member, from: number, to: number): number =>
  pauses.reduce(
    (sum, pause) => sum + (pause.member === of ? Math.max(0, Math.min(to, pause.to) - Math.max(from, pause.from)) : 0),
    0,
  )

type Rule = (facts: Facts) => readonly (string | false)[]

/** Whether its answer came while somebody could still hear it: neither the call nor the attempt was over. */
const wasHeard = (
  { plan: { client }, attemptTimeoutMs = Infinity }: Facts,
  { call, at, heardAt }: Sending,
): boolean => {
  const { timeoutMs = Infinity } = client
  const end = Math.min(call.abortedAt, call.settledAt, call.askedAt + timeoutMs, at + attemptTimeoutMs)
  return (
    heardAt < end - AT_ONCE_MS ||
    (heardAt <= call.settledAt && call.outcome === 'answered' && heardAt < at + attemptTimeoutMs - AT_ONCE_MS)
  )
}

/** Of one process at one server, or of a whole fleet. */
const together = ({ plan, calls }: Pick<Facts, 'plan' | 'calls'>, fleet: boolean): readonly (readonly Sending[])[] => {
  const all = calls.flatMap(({ sendings }) => sendings).toSorted((a, b) => a.at - b.at)
  const groups = Map.groupBy(all, ({ member, server }) => `${server}${fleet && plan.fleet ? '' : ` ${member.name}`}`)
  return [...groups.values()]
}

const isRefusal = ({ status }: Sending): boolean => status === 429 || status === 403 || status === 503

/** Whether it was answered, with what is neither a refusal nor a failure: a 402 is an answer, too. An API's own 403 is its window's. */
const wasAnswered = (one: Sending): boolean =>
  isServed(one) ||
  [400, 401, 402, 404, 409, 422].includes(one.status ?? 0) ||
  (one.status === 403 && one.truth?.honest === false)

/** Failures of a call's own: those that no service of others, and no outage that ends, excuses. */
const attempts: Rule = (facts) =>
  facts.calls.map(({ n, sendings }) => {
    const { maxAttempts } = facts.plan.client
    const [first] = sendings
    if (first === undefined) return false
    const served = facts.calls
      .filter(({ member }) => facts.plan.fleet || member === first.member)
      .flatMap((call) => call.sendings)
      .filter((one) => one.server === first.server && one.call.n !== n && wasAnswered(one))
    const excused = (one: Sending): boolean => {
      if (!isRefusal(one)) return false
      const since = Math.min(first.at, one.heardAt - RACE_MS)
      // It is judged when its body was read.
      if (served.some(({ heardAt }) => heardAt >= since && heardAt <= one.heardAt + PEEK_MS)) return true
      return sendings.some(
        (failed) => failed.heardAt < one.at && failed.status !== 429 && one.at - failed.heardAt < COMING_BACK_MS,
      )
    }
    const counted = sendings.filter((one) => !excused(one)).length
    if (counted > maxAttempts) return `call ${n}: ${counted} attempts were its own failures, ${maxAttempts} allowed`
    const most = maxAttempts + UNCOUNTED
    return sendings.length > most && `call ${n}: ${sendings.length} attempts, ${most} at most`
  })

/** What may have been carried out is not sent again. */
const repeats: Rule = ({ calls }) =>
  calls.map(({ n, plan, sendings }) => {
    const [{ method } = { method: '' }] = sendings
    if (method !== 'POST' || plan.idempotent) return false
    const isSafe = ({ status = 0, unsent, wait, full }: Sending): boolean =>
      unsent || status === 429 || status === 421 || status === 425 || (status === 503 && (wait || full))
    const unsafe = sendings.slice(0, -1).find((one) => !isSafe(one))
    return unsafe !== undefined && `call ${n}: a POST was sent again after ${unsafe.status ?? 'a lost answer'}`
  })

/** A call that the meter keeps until the cost of another is known has passed the door before: what is heard meanwhile does not hold it. */
const waitsBehindDoor = ({ plan: { client } }: Facts): boolean => client.budget?.stopAt !== undefined

/** Whether nothing has happened to a fleet that makes a part of it go on alone, for a while. */
const isWhole = ({ plan }: Facts): boolean => !plan.fleet || plan.blows.every(({ what }) => what.kind === 'clock')

const ceiling: Rule = (facts) => {
  if (waitsBehindDoor(facts)) return []
  return together(facts, isWhole(facts)).map((sendings) => {
    const ends = sendings.map(({ heardAt, call }) => Math.min(heardAt, call.abortedAt))
    const newsMs = (facts.plan.fleet ? NEWS_MS : 0) + (facts.plan.client.store === 'shared' ? STORE_MS : 0)
    const told = sendings
      .filter((one) => one.truth?.ceiling !== undefined && wasHeard(facts, one))
      .map(({ heardAt, truth }) => ({ at: heardAt + newsMs, most: truth?.ceiling as number }))
    const first = told.toSorted((a, b) => a.at - b.at)[0]
    if (first === undefined) return false
    for (const [i, { at }] of sendings.entries()) {
      if (at <= first.at) continue
      const inFlight = ends.slice(0, i).filter((end) => end > at).length + 1
      if (inFlight > first.most)
        return `${inFlight} in flight, ${first.most} announced: ${nameOf(sendings[i] as Sending)}`
    }
    return false
  })
}

/** Whether, by what was heard of its server, a limit may be of this endpoint alone. */
const mayBeOwn = (facts: Facts, sendings: readonly Sending[], { endpoint, heardAt }: Sending): boolean => {
  const before = sendings.filter((one) => one.heardAt <= heardAt)
  const servedAt = Math.max(
    -1,
    ...before
      .filter((one) => one.endpoint === endpoint && isServed(one) && wasHeard(facts, one))
      .map((one) => one.heardAt),
  )
  const refused = before.filter((one) => one.endpoint === endpoint && one.heardAt > servedAt && !isServed(one))
  const since = Math.min(...refused.map((one) => one.heardAt))
  return refused.length >= 3 && before.some((one) => one.endpoint !== endpoint && isServed(one) && one.heardAt >= since)
}

const namedTime: Rule = (facts) => {
  const own = facts.calls.map(({ sendings }): string | false => {
    for (const [i, one] of sendings.entries()) {
      const next = sendings[i + 1]
      const { heardAt, truth } = one
      const until = heardAt + (truth?.namedMs ?? 0)
      if (next && next.at < until - AT_ONCE_MS && wasHeard(facts, one))
        return `${nameOf(next)}: told at ${ms(heardAt)} to wait until ${ms(until)}`
    }
    return false
  })
  if (waitsBehindDoor(facts)) return own
  const storeMs = facts.plan.client.store === 'shared' ? STORE_MS : 0
  const everybody = { ...facts, calls: [...facts.calls, ...facts.lost] }
  const known = [...together(facts, false), ...(facts.plan.fleet ? together(everybody, true) : [])]
  const groups = isWhole(facts) ? known : together(facts, false)
  const others = groups.flatMap((sendings) =>
    sendings.map((one): string | false => {
      const { truth, heardAt, call } = one
      const { namedMs = 0, forAll = false } = truth ?? {}
      if (!forAll || namedMs <= 0 || namedMs > MAX_WAIT_MS || !wasHeard(facts, one)) return false
      const early = sendings.find(
        ({ member, at }) =>
          at > heardAt + storeMs + (member === one.member ? AT_ONCE_MS : NEWS_MS) &&
          at < heardAt + namedMs - AT_ONCE_MS,
      )
      // A fleet goes by what all of it has heard, one of its processes that goes on alone by what that has.
      if (early === undefined || known.some((heard) => heard.includes(one) && mayBeOwn(facts, heard, one))) return false
      return `${nameOf(early)}: call ${call.n} was told at ${ms(heardAt)} that all wait until ${ms(heardAt + namedMs)}`
    }),
  )
  return [...own, ...others]
}

/** From the first request on: what was waited is bounded, the rest is the server's. */
const bound: Rule = (facts) =>
  facts.calls.map(({ n, sendings, settledAt, member }) => {
    const [first] = sendings
    if (first === undefined || settledAt === Infinity) return false
    const servers = sendings.reduce((sum, { at, heardAt }) => sum + Math.min(heardAt, settledAt) - at, 0)
    const stood = stoodStill(facts, member, first.at, settledAt)
    const { maxTotalWaitMs = MAX_TOTAL_WAIT_MS } = facts.plan.client
    const inMeter = waitsBehindDoor(facts) ? METER_MS : 0
    const most = maxTotalWaitMs + servers + stood + (sendings.length + 1) * (PEEK_MS + inMeter + AT_ONCE_MS)
    const took = settledAt - first.at
    return took > most && `call ${n} took ${ms(took)} from its first request on, ${ms(most)} at most`
  })

const timeOut: Rule = (facts) =>
  facts.calls.flatMap(({ n, askedAt, askedTurn, settledAt, settledTurn, member, sendings }) => {
    const { timeoutMs = Infinity, gate, store } = facts.plan.client
    const storeMs = store === 'shared' ? STORE_MS : 0
    // Of a fleet's line, its leader tells.
    const leaderMs = facts.plan.fleet ? NEWS_MS : 0
    const queueMs =
      gate && sendings.length === 0 && 'queueTimeoutMs' in gate ? (gate.queueTimeoutMs as number) : Infinity
    if (settledAt === Infinity) return false
    // What else is done in the turn in which it is asked, or settles, is no part of it.
    const lateMs =
      Math.min(settledAt - askedAt, settledTurn - askedTurn) - stoodStill(facts, member, askedAt, settledAt)
    return [
      lateMs > timeoutMs + AT_ONCE_MS && `call ${n} settled after ${ms(lateMs)}, its time-out is ${ms(timeoutMs)}`,
      !waitsBehindDoor(facts) &&
        lateMs > queueMs + storeMs + leaderMs + AT_ONCE_MS &&
        `call ${n} was in line for ${ms(lateMs)}, ${ms(queueMs)} at most`,
    ]
  })

const abort: Rule = (facts) =>
  facts.calls.flatMap(({ n, abortedAt, abortedTurn, settledAt, settledTurn, member, sendings, error, reason }) => {
    if (abortedAt === Infinity) return false
    // However much is done in a turn, it is one.
    const lateMs = settledTurn - abortedTurn - stoodStill(facts, member, abortedAt, settledAt)
    const after = sendings.find(({ at }) => at > abortedAt)
    return [
      lateMs > AT_ONCE_MS && `call ${n} settled ${ms(lateMs)} after its abort`,
      after !== undefined && `${nameOf(after)}: sent after its abort at ${ms(abortedAt)}`,
      error !== undefined &&
        error !== reason &&
        settledAt > abortedAt + AT_ONCE_MS &&
        `call ${n} was aborted, and rejected with ${inspect(error)}`,
    ]
  })

/** A call whose answer was lost may be charged what its endpoint has cost. */
const credits: Rule = (facts) => {
  const { plan, calls, servers, processes } = facts
  // A new month is a new budget.
  const isNewMonth = plan.blows.some(({ what }) => what.kind === 'clock' && what.byMs > 15 * 86_400_000)
  if (plan.client.budget && isNewMonth) return []
  const alive = processes.filter(({ member }) => !member.killed)
  const all = calls.flatMap(({ sendings }) => sendings)
  const of = (server: number, whose: (member: Member) => boolean): readonly [number, number] => {
    const cost = plan.servers[server]?.credits?.cost ?? 0
    const sendings = all.filter((one) => one.server === server && whose(one.member))
    const heard = sendings.filter((one) => one.status !== undefined && wasHeard(facts, one))
    const charged = heard.reduce((sum, { truth }) => sum + (truth?.cost ?? 0), 0)
    const lost = sendings.filter((one) => !(one.unsent && wasHeard(facts, one)) && !heard.includes(one)).length
    return [charged, charged + lost * cost]
  }
  const isShared = plan.client.store === 'shared'
  const isTroubled = plan.blows.some(({ what }) => what.kind !== 'clock')
  return servers.flatMap((_, server) =>
    alive.flatMap(({ member, spent, reserved }) => {
      // What others have written since is known to who asks for it.
      if (isShared && (processes.length > 1 || isTroubled)) return false
      const [least, most] = of(server, (one) => isShared || one === member)
      const said = spent(server)
      const isExact = said >= least - 1e-6 && said <= most + 1e-6
      return [
        !isExact &&
          `${member.name} has counted ${said} credits at server ${server}, which has charged ${least} to ${most}`,
        reserved !== 0 && `${member.name} has ${reserved} credits reserved, and no call`,
      ]
    }),
  )
}

/** What a process knows to be spent stops it. */
const budget: Rule = (facts) => {
  const { budget: set, store } = facts.plan.client
  if (!set?.stopAt || store === 'shared' || facts.plan.blows.some(({ what }) => what.kind === 'clock')) return []
  const stop = (set.limit * set.stopAt) / 100
  return together(facts, false).map((sendings) => {
    for (const { at, call } of sendings) {
      const spent = sendings.reduce((sum, one) => sum + (one.heardAt < at ? (one.truth?.cost ?? 0) : 0), 0)
      if (spent > stop) return `call ${call.n} was sent at ${ms(at)}, ${spent} of ${stop} credits were spent`
    }
    return false
  })
}

/** What is not read to its end is open still, at the server, too. */
const UNREAD: ReadonlySet<string> = new Set(['never', 'in part'])

const leftOver: Rule = ({ processes, calls, hung }) => {
  if (hung) return []
  return [
    ...processes.map(
      ({ member, timers, stats: { active, queued } }) =>
        !member.killed &&
        (timers > 0 || active !== 0 || queued !== 0) &&
        `${member.name}: ${timers} timers, ${active} slots, ${queued} in line`,
    ),
    ...calls.map(
      ({ n, listeners, plan, outcome }) =>
        listeners > 0 &&
        !(outcome === 'answered' && UNREAD.has(plan.read)) &&
        `${listeners} listeners on the signal of call ${n}`,
    ),
  ]
}

const secret: Rule = ({ leaks }) => leaks.map((text) => text.slice(0, 400))

const RULES: Readonly<Partial<Record<RuleName, Rule>>> = {
  attempts,
  repeats,
  ceiling,
  'named time': namedTime,
  bound,
  'time-out': timeOut,
  abort,
  credits,
  budget,
  'left over': leftOver,
  secret,
}

/** The first of each rule is enough. */
export const broken = (facts: Facts): readonly Violation[] =>
  (Object.entries(RULES) as [RuleName, Rule][]).flatMap(([rule, find]) => {
    const what = find(facts).find((one) => one !== false)
    return what === undefined ? [] : [{ rule, what }]
  })
