/** The packages whose tests are put to the test, and the tests of others that are theirs, too. */
export const PACKAGES = {
  'backoff-jitter': [],
  redact: [],
  'credit-meter': [],
  limits: ['packages/classify/test'],
  'retry-after': [],
  classify: [],
  'concurrency-gate': [],
  pipeline: [],
}

/** The path of a source in the repository, from that of a copy, too. */
export const nameOf = (path) => path.replaceAll('\\', '/').replace(/^.*\/(?=packages\/)/, '')
