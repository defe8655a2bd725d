import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

/** A rule of the packages, and the change of its source that switches it off. */
export interface Rule {
  readonly name: string
  /** Within `packages`. */
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
}

const AIMD = 'concurrency-gate/src/aimd.ts'
const CHANCE = 'concurrency-gate/src/chance.ts'
const CONTROL = 'concurrency-gate/src/control.ts'
const OUTAGE = 'concurrency-gate/src/outage.ts'
const CLASSIFIER = 'concurrency-gate/src/refusal-classifier.ts'
const ESTIMATOR = 'concurrency-gate/src/window-estimator.ts'

/** What `ablate` switches off, one at a time. Whoever changes the code changes the list. */
export const RULES: readonly Rule[] = [
  {
    name: 'halving after a second timed 429',
    file: AIMD,
    find: 'if (first || limit <= TIMED_REFUSAL_MIN_LIMIT) return false',
    replace: 'return false',
  },
  { name: 'proven', file: AIMD, find: 'proven = sinceFailure - 1', replace: 'proven = Infinity' },
  { name: 'closures', file: CLASSIFIER, find: '++closures >= PAUSES_OF_WINDOW', replace: 'false' },
  {
    name: 'draining ends in time',
    file: CLASSIFIER,
    find: `(state.is === 'draining' ? Math.max(0, state.until - clock()) : 0)
  const ready = (): boolean => state.is === 'ready' || (state.is === 'draining' && waitMs() === 0)`,
    replace: `0
  const ready = (): boolean => state.is === 'ready'`,
  },
  {
    name: 'shorter periods',
    file: ESTIMATOR,
    find: 'ROUND_PERIODS_MS.findLast((ms) => ms <= (periodMs ?? 0))',
    replace: 'periodMs',
  },
  {
    name: 'requests per probe of the quota',
    file: ESTIMATOR,
    find: 'REQUESTS_PER_PROBE = 4',
    replace: 'REQUESTS_PER_PROBE = 0',
  },
  { name: 'jitter tolerance', file: ESTIMATOR, find: 'JITTER_TOLERANCE = 1.05', replace: 'JITTER_TOLERANCE = 1' },
  { name: 'opening tolerance', file: ESTIMATOR, find: 'OPENING_TOLERANCE = 1.1', replace: 'OPENING_TOLERANCE = 1' },
  {
    name: 'answers of a single slot',
    file: 'concurrency-gate/src/contention.ts',
    find: 'ANSWERS_OF_SINGLE_SLOT = 7',
    replace: 'ANSWERS_OF_SINGLE_SLOT = ANSWERS_PER_TRY',
  },
  {
    name: 'yield to others',
    file: 'concurrency-gate/src/ceiling.ts',
    find: 'YIELD_FRACTION = 0.05',
    replace: 'YIELD_FRACTION = 0',
  },
  {
    name: 'latency guard',
    file: 'concurrency-gate/src/delay-guard.ts',
    find: 'queueing(trend)) {',
    replace: 'false) {',
  },
  {
    name: 'significance of the latency guard',
    file: 'concurrency-gate/src/delay-guard.ts',
    find: ' && t() >= SIGNIFICANT_T',
    replace: '',
  },
  { name: 'slow start by time', file: AIMD, find: 'ceiling.most() === Infinity && mayRamp()', replace: 'false' },
  {
    name: 'floor',
    file: 'concurrency-gate/src/liveness.ts',
    find: 'FLOOR_MS = 10_000',
    replace: 'FLOOR_MS = Infinity',
  },
  { name: 'first retry on time', file: OUTAGE, find: 'retry < 2 ||', replace: 'retry < 1 ||' },
  { name: 'spreading over an outage', file: OUTAGE, find: 'SPREAD = 1.25', replace: 'SPREAD = 0' },
  {
    name: 'chance',
    file: CHANCE,
    find: 'score >= threshold && meanShare <= MOST_BY_CHANCE',
    replace: 'false',
  },
  {
    name: 'lone refusals pass',
    file: CHANCE,
    find: 'if (score > 0 || (row === 1 && score > LOWEST_SCORE)) return true',
    replace: '',
  },
  {
    name: 'windows hold only without evidence for chance',
    file: 'concurrency-gate/src/refusals.ts',
    find: ' && !chance.leaning',
    replace: '',
  },
  {
    name: 'a silent limit that refills is paced',
    file: 'concurrency-gate/src/silent-rate.ts',
    find: 'believed = isLong() &&',
    replace: 'believed = false &&',
  },
  {
    name: 'overdue refusals let it go faster',
    file: 'concurrency-gate/src/silent-rate.ts',
    find: '2 ** Math.max(0, DOUBLINGS * overdue)',
    replace: '1',
  },
  {
    name: 'refusals within the quota of a window are for the ceiling',
    file: 'concurrency-gate/src/refusals.ts',
    find: "ceilingShown && classifier.cause() === 'window' &&",
    replace: "false && classifier.cause() === 'window' &&",
  },
  {
    name: 'a window whose length doubles is none',
    file: ESTIMATOR,
    find: 'periodMs > 2 * firstPeriodMs',
    replace: 'false',
  },
  {
    name: 'breaker by endpoint',
    file: 'concurrency-gate/src/breaker.ts',
    find: '`${request.method} ${endpointOf(request.url)}`',
    replace: `'every'`,
  },
  {
    name: 'open streams keep no probe',
    file: CONTROL,
    find: 'return unanswered < refusals',
    replace: 'return active < refusals',
  },
  {
    name: 'counted unless others were served',
    file: 'concurrency-gate/src/refused.ts',
    find: '(control.serving() && control.servedAt() > departure.firstAt) || control.comingBack(',
    replace: 'true || control.comingBack(',
  },
  {
    name: 'a trial before a reset in whole seconds',
    file: 'retry-after/src/trial.ts',
    find: 'planned && place === undefined && coarse > 1',
    replace: 'false && planned',
  },
  {
    name: 'who waited behind refusals has waited',
    file: 'pipeline/src/door.ts',
    find: 'behindSince(entry) + entry.patienceMs - clock()',
    replace: 'Infinity',
  },
  {
    name: 'probes are for calls that were never sent',
    file: 'pipeline/src/admission.ts',
    find: 'constraints.some(({ constraint }) => constraint.probing?.())',
    replace: 'false',
  },
  {
    name: 'fast retry where a key is well',
    file: 'backoff-jitter/src/health.ts',
    find: 'HASTE = 0.05',
    replace: 'HASTE = 1',
  },
  {
    name: 'overtaken answers are no others',
    file: 'retry-after/src/others.ts',
    find: 'if (place > before.place && ',
    replace: 'before = latest\n      if (',
  },
  {
    name: 'the line follows its refill',
    file: 'retry-after/src/slope.ts',
    find: 'if (counted) inflate(scale / DEVIATIONS ** 2)',
    replace: '',
  },
  {
    name: 'one asks at the first reset',
    file: 'retry-after/src/curve.ts',
    find: ' && (one.steps.confirmed() || !window.asked())',
    replace: '',
  },
]

export const urlOf = ({ file }: Rule): URL => new URL(`../../../${file}`, import.meta.url)

/** How often the rule is found in its file: once, or the list is out of date. */
export const occurrences = ({ find }: Rule, source: string): number => source.split(find).length - 1

/** Switches the rule off in whatever this process loads from now on. */
export const switchOff = (rule: Rule): void => {
  const { href } = urlOf(rule)
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      if (url !== href) return loaded
      const source = readFileSync(new URL(url), 'utf8')
      if (occurrences(rule, source) !== 1) throw new Error(`the rule ${rule.name} is not once in ${rule.file}`)
      return { ...loaded, source: source.replace(rule.find, () => rule.replace) }
    },
  })
}
