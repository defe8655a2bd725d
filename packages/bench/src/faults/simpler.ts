import type { CallPlan, Plan, ServerPlan } from './plan.ts'

type Change = (plan: Plan) => Plan

const servers =
  (change: (one: ServerPlan) => Partial<ServerPlan>): Change =>
  (plan) => ({ ...plan, servers: plan.servers.map((one) => ({ ...one, ...change(one) })) })
const api = (changed: Partial<ServerPlan['api']>): Change => servers((one) => ({ api: { ...one.api, ...changed } }))
const client =
  (changed: Partial<Plan['client']>): Change =>
  (plan) => ({ ...plan, client: { ...plan.client, ...changed } })
const calls =
  (changed: Partial<CallPlan>): Change =>
  (plan) => ({ ...plan, calls: plan.calls.map((one) => ({ ...one, ...changed })) })
const noBlows =
  (...kinds: readonly string[]): Change =>
  (plan) => ({ ...plan, blows: plan.blows.filter(({ what }) => !kinds.includes(what.kind)) })

export type Simpler =
  | 'fleet'
  | 'members'
  | 'servers'
  | 'clock'
  | 'pauses'
  | 'kills'
  | 'troubles'
  | 'lies'
  | 'losses'
  | 'fate'
  | 'credits'
  | 'outages'
  | 'flaky'
  | 'windows'
  | 'ceiling'
  | 'work'
  | 'latency'
  | 'timeout'
  | 'attempt-timeout'
  | 'total-wait'
  | 'gate'
  | 'budget'
  | 'store'
  | 'attempts'
  | 'log'
  | 'aborts'
  | 'gaps'
  | 'bodies'
  | 'paths'
  | 'reads'
  | 'secrets'

export const SIMPLER: Readonly<Record<Simpler, Change>> = {
  fleet: (plan) => ({ ...plan, fleet: false }),
  members: (plan) => ({ ...plan, members: 1 }),
  servers: (plan) => ({ ...plan, servers: plan.servers.slice(0, 1) }),
  clock: noBlows('clock'),
  pauses: noBlows('pause'),
  kills: noBlows('kill'),
  troubles: noBlows('stores hang', 'stores fail'),
  lies: servers(({ lies }) => ({ lies: { ...lies, rate: 0 } })),
  losses: servers(({ losses }) => ({ losses: { ...losses, rate: 0 } })),
  fate: servers(() => ({ fate: undefined })),
  credits: servers(() => ({ credits: undefined })),
  outages: api({ outages: [] }),
  flaky: api({ flaky: undefined }),
  windows: api({ windows: [] }),
  ceiling: api({ concurrency: undefined }),
  work: api({ work: undefined }),
  latency: api({ latencyMs: [5, 5], rejectionLatencyMs: 0 }),
  timeout: client({ timeoutMs: undefined }),
  'attempt-timeout': client({ attemptTimeoutMs: undefined }),
  'total-wait': client({ maxTotalWaitMs: undefined }),
  gate: client({ gate: {} }),
  budget: client({ budget: undefined }),
  store: client({ store: 'none' }),
  attempts: client({ maxAttempts: 4 }),
  log: client({ log: false }),
  aborts: calls({ abort: undefined }),
  gaps: calls({ gapMs: 0 }),
  bodies: calls({ method: 'GET', body: 'text' }),
  paths: calls({ to: 'lookup' }),
  reads: calls({ read: 'whole' }),
  secrets: calls({ secretIn: 'header' }),
}
