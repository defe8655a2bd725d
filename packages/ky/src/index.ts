export { type Judged, SentAgainError } from './errors.ts'
export { type KyHooks, kyHooks, type KyHooksOptions } from './ky-hooks.ts'
export { type KyOptions, kyOptions, type KyOptionsOptions, type KyRetryOptions } from './ky-options.ts'
