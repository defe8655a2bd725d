import type { AplombOptions } from 'aplomb'
import fc from 'fast-check'
import { among, type AnyApi, anyApi, maybe, whole } from '../sim/scenarios.ts'

/** What a server says instead of the truth. Those that name a wait mean it. */
export type Lie =
  | 'nonsense'
  | 'wait in a header'
  | 'wait in milliseconds'
  | 'wait as a date'
  | 'wait in the body'
  | 'wait in prose'
  | 'wait too long'
  | 'nothing'
  | 'conflict'
  | 'echo'
  | 'billing'
  | 'endless body'
  | 'broken body'

const LIES: readonly Lie[] = [
  ...(['nonsense', 'wait in a header', 'wait in milliseconds', 'wait as a date', 'wait in the body'] as const),
  ...(['wait in prose', 'wait too long', 'nothing', 'conflict', 'echo', 'billing'] as const),
  ...(['endless body', 'broken body'] as const),
]

/** What becomes of a request, or of its answer, on the way. */
export type Loss = 'refused' | 'not found' | 'reset before' | 'reset after'
const LOSSES: readonly Loss[] = ['refused', 'not found', 'reset before', 'reset after']

/** A share of all requests. */
interface Share<Kind> {
  readonly rate: number
  readonly kinds: readonly Kind[]
}

type Outage = number | 'reset' | 'hang'

/** Flapping: up and down, up and down. Dying: down at some time, and for good. */
type Fate =
  | { readonly fromMs: number; readonly everyMs: number; readonly times: number; readonly status: Outage }
  | { readonly fromMs: number; readonly status: Outage }

export interface ServerPlan {
  readonly api: AnyApi
  readonly fate: Fate | undefined
  readonly lies: Share<Lie>
  readonly losses: Share<Loss>
  readonly credits: { readonly cost: number; readonly balance: number; readonly chargeErrors: boolean } | undefined
}

export interface CallPlan {
  /** After the one before. */
  readonly gapMs: number
  readonly server: number
  readonly to: 'lookup' | 'echo' | 'stream' | 'nowhere'
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly body: 'text' | 'form' | 'stream'
  readonly idempotent: boolean
  readonly abort:
    | { readonly afterMs: number }
    | { readonly on: 'sent' | 'answered' | 'retry' | 'hold' | 'queue' | 'body' }
    | undefined
  readonly read: 'whole' | 'late' | 'never' | 'cancel' | 'in part'
  readonly secretIn: 'header' | 'query' | 'body' | 'bearer'
  readonly member: number
}

/** What happens to a process, or to the stores. */
interface Blow {
  readonly atMs: number
  readonly member: number
  readonly what:
    | { readonly kind: 'clock'; readonly byMs: number }
    | { readonly kind: 'pause' | 'stores hang' | 'stores fail'; readonly forMs: number }
    | { readonly kind: 'kill' }
}

/** One run: what is asked of which servers, by which processes, and what happens meanwhile. */
export interface Plan {
  readonly seed: number
  readonly servers: readonly ServerPlan[]
  /** More than one, and not a fleet: each for itself. */
  readonly members: number
  readonly fleet: boolean
  readonly client: {
    readonly timeoutMs: number | undefined
    readonly attemptTimeoutMs: number | undefined
    readonly maxTotalWaitMs: number | undefined
    readonly maxAttempts: number
    readonly gate: Exclude<AplombOptions['concurrencyGate'], false | undefined | ((...given: never) => unknown)>
    readonly budget: { readonly limit: number; readonly stopAt: number | undefined } | undefined
    readonly store: 'none' | 'shared'
    readonly log: boolean
  }
  /** Where requests may hang, only this ends them. */
  readonly patienceMs: number
  readonly blows: readonly Blow[]
  readonly calls: readonly CallPlan[]
}

const share = among(0, 0, 0.02, 0.1, 0.4)

const fate: fc.Arbitrary<Fate | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({
      fromMs: whole(1, 20_000),
      everyMs: whole(200, 20_000),
      times: fc.integer({ min: 1, max: 8 }),
      status: among(503, 500, 'reset' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fromMs: whole(1, 60_000), status: among(503, 500, 502, 'reset' as const, 'hang' as const) }),
  },
)

const server: fc.Arbitrary<ServerPlan> = fc.record({
  api: anyApi,
  fate,
  lies: fc.record({ rate: share, kinds: fc.uniqueArray(fc.constantFrom(...LIES), { minLength: 1, maxLength: 4 }) }),
  losses: fc.record({ rate: share, kinds: fc.uniqueArray(fc.constantFrom(...LOSSES), { minLength: 1, maxLength: 3 }) }),
  credits: maybe(fc.record({ cost: among(1, 2.5, 0.001), balance: among(20, 1e6, 1e6), chargeErrors: fc.boolean() })),
})

const ABORT_ON = ['sent', 'answered', 'retry', 'hold', 'queue', 'body'] as const

const call: fc.Arbitrary<CallPlan> = fc.record({
  gapMs: among(0, 0, 0, 0, 5, 200, 3000),
  server: fc.nat(2),
  to: among(
    'lookup' as const,
    'lookup' as const,
    'lookup' as const,
    'echo' as const,
    'stream' as const,
    'nowhere' as const,
  ),
  method: among('GET', 'GET', 'GET', 'POST', 'PUT'),
  body: among('text', 'form', 'stream'),
  idempotent: fc.boolean(),
  abort: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: whole(1, 60_000).map((afterMs) => ({ afterMs })) },
    { weight: 1, arbitrary: fc.record({ on: fc.constantFrom(...ABORT_ON) }) },
  ),
  read: among('whole', 'whole', 'whole', 'whole', 'late', 'never', 'cancel', 'in part'),
  secretIn: among('header', 'query', 'body', 'bearer'),
  member: fc.nat(3),
})

const blow: fc.Arbitrary<Blow> = fc.record({
  atMs: whole(1, 60_000),
  member: fc.nat(3),
  what: fc.oneof(
    // Its wall clock is set.
    fc.record({
      kind: fc.constant('clock' as const),
      byMs: among(-86_400_000, -3_600_000, -1500, 1500, 3_600_000, 32 * 86_400_000),
    }),
    // Its timers stand still, and nothing arrives.
    fc.record({ kind: fc.constant('pause' as const), forMs: whole(20, 30_000) }),
    fc.record({ kind: fc.constant('kill' as const) }),
    // The stores do not answer, or fail.
    fc.record({ kind: among('stores hang' as const, 'stores fail' as const), forMs: whole(100, 30_000) }),
  ),
})

const GATES: readonly Plan['client']['gate'][] = [
  {},
  {},
  {},
  { limit: 3 },
  { maxQueue: 20 },
  { queueTimeoutMs: 5000 },
  { slotUntil: 'body' },
  { whenDown: 'fail' },
]

const client: fc.Arbitrary<Plan['client']> = fc.record({
  timeoutMs: among(undefined, undefined, 300, 3000, 60_000),
  attemptTimeoutMs: among(undefined, undefined, 200, 5000, 20_000),
  maxTotalWaitMs: among(undefined, undefined, undefined, 10_000, 0),
  maxAttempts: among(4, 4, 4, 1, 2, 6),
  gate: fc.constantFrom(...GATES),
  budget: among(
    undefined,
    undefined,
    { limit: 1e6, stopAt: undefined },
    { limit: 1e6, stopAt: 100 },
    { limit: 30, stopAt: 50 },
  ),
  store: among('none', 'none', 'shared'),
  log: among(false, false, true),
})

export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  servers: fc.array(server, { minLength: 1, maxLength: 3, size: 'max' }),
  members: among(1, 1, 1, 2, 3),
  fleet: among(false, false, true),
  client,
  patienceMs: whole(1000, 30_000),
  blows: fc.array(blow, { maxLength: 4, size: 'max' }),
  calls: fc.array(call, { minLength: 1, maxLength: 199, size: 'max' }),
})
