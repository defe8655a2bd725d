export type { ErrorRecord, RedactOptions } from '@aplomb/redact'
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
export { log, logOptions, type LogOptions } from './log.ts'
export { adviceFor } from './sentence.ts'
