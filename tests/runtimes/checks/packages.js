/** Every entry of every public package; the driver says so when one is missing. */
export const packages = {
  '@aplomb/alert': () => import('@aplomb/alert'),
  '@aplomb/backoff-jitter': () => import('@aplomb/backoff-jitter'),
  '@aplomb/classify': () => import('@aplomb/classify'),
  '@aplomb/concurrency-gate': () => import('@aplomb/concurrency-gate'),
  '@aplomb/credit-meter': () => import('@aplomb/credit-meter'),
  '@aplomb/ky': () => import('@aplomb/ky'),
  '@aplomb/limits': () => import('@aplomb/limits'),
  '@aplomb/log': () => import('@aplomb/log'),
  '@aplomb/mock-api': () => import('@aplomb/mock-api'),
  '@aplomb/mock-api/server': () => import('@aplomb/mock-api/server'),
  '@aplomb/otel': () => import('@aplomb/otel'),
  '@aplomb/pipeline': () => import('@aplomb/pipeline'),
  '@aplomb/redact': () => import('@aplomb/redact'),
  '@aplomb/retry-after': () => import('@aplomb/retry-after'),
  aplomb: () => import('aplomb'),
  'aplomb/explain': () => import('aplomb/explain'),
}
