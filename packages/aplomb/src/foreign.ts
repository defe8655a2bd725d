import type { Foreign } from '@aplomb/pipeline'

/** What options are called in ky, got, axios-retry, p-retry, p-queue, p-limit, bottleneck, undici, cockatiel, and SDKs. The first that fits. */
export const FOREIGN: Foreign = [
  [/max.*(delay|timeout)|backofflimit/, 'backoffJitter.maxMs'],
  [/delay|backoff|mintimeout/, 'backoffJitter.baseMs'],
  [/randomize/, 'backoffJitter.jitter'],
  [/methods|idempotent|condition|should|^retryon$/, 'repeatable'],
  [/hook|^on/, 'onEvent'],
  [/timeout|deadline|time$/, 'timeoutMs'],
  [/maxretryafter/, 'retryAfter.maxWaitMs'],
  [/retr|tries|attempt/, 'backoffJitter.maxAttempts'],
  [/queue|highwater/, 'concurrencyGate.maxQueue'],
  [/concurren|parallel|^max$|sockets|connections/, 'concurrencyGate.limit'],
  [/credits|quota|reservoir/, 'creditMeter.budget'],
  [/logger|debug|verbose/, 'log.sink'],
  [/middleware|plugin|interceptor/, 'use'],
]
