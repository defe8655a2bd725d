export { createMockApi, type Fetch, type MockApi } from './api.ts'
export type { DialectName, HeaderDialect, LimitReport, WindowReport } from './dialects.ts'
export type { Answer, Exchange } from './exchange.ts'
export { leastTimeMs } from './least-time.ts'
export type {
  CreditOptions,
  FlakyKind,
  FlakyOptions,
  Latency,
  MockApiOptions,
  OutageOptions,
  WindowOptions,
  WorkOptions,
} from './options.ts'
export type {
  Call,
  Exceeded,
  Handler,
  LimitOptions,
  Memory,
  Problem,
  Problems,
  Profile,
  ProfileLimits,
  ProfileWindow,
  Reply,
  Standing,
} from './profile.ts'
export type { Random } from './random.ts'
export {
  type BodyState,
  type ReceivedRequest,
  type Respond,
  respond,
  type ScriptedAnswer,
  type ScriptEntry,
  ScriptEndedError,
  type SentResponse,
} from './respond.ts'
export type { LogEntry, MockApiStats, Reason, RouteStats } from './stats.ts'
