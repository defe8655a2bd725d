export type { RedactOptions } from '@aplomb/redact'
export type { Otel, OtelOptions } from './options.ts'
export { otel } from './otel.ts'
