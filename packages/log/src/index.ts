export type { LogOptions } from './log.ts'
export type {
  AttemptRecord,
  BaseRecord,
  CallRecord,
  ErrorRecord,
  Level,
  LogRecord,
  Outcome,
  RetryRecord,
  Times,
} from './record.ts'
export type { RedactOptions } from './redact.ts'
export type { Logger, Sink } from './sink.ts'
export { log } from './log.ts'
