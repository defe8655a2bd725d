export type { ErrorRecord, RedactOptions } from '@aplomb/redact'
export type { LogOptions } from './log.ts'
export type {
  AlertRecord,
  AttemptRecord,
  BaseRecord,
  CallRecord,
  HoldRecord,
  Level,
  LimitRecord,
  LogRecord,
  Outcome,
  RetryRecord,
  Times,
} from './record.ts'
export type { Logger, Sink } from './sink.ts'
export { log } from './log.ts'
