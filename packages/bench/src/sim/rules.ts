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

const CONTROL = 'concurrency-gate/src/control.ts'
const CHANCE = 'concurrency-gate/src/chance.ts'
const GATE = 'concurrency-gate/src/gate.ts'
const NATURE = 'concurrency-gate/src/nature.ts'
const RHYTHM = 'concurrency-gate/src/rhythm.ts'

/** What `ablate` switches off, one at a time. Whoever changes the code changes the list. */
export const RULES: readonly Rule[] = [
  {
    name: 'halving after a second timed 429',
    file: CONTROL,
    find: 'if (first || limit <= LATE) return undefined',
    replace: 'if (first || limit <= Infinity) return undefined',
  },
  { name: 'proven', file: CONTROL, find: 'proven = served - 1', replace: 'proven = Infinity' },
  { name: 'contradictions', file: NATURE, find: '++contradictions >= DOUBTS', replace: 'false' },
  { name: 'closures', file: NATURE, find: '++closures >= DOUBTS', replace: 'false' },
  {
    name: 'dueAt',
    file: NATURE,
    find: `(trial === 'shown' ? Math.max(0, dueAt - clock()) : 0)
  const due = (): boolean => trial === 'due' || (trial === 'shown' && waitMs() === 0)`,
    replace: `0
  const due = (): boolean => trial === 'due'`,
  },
  {
    name: 'shorter periods',
    file: RHYTHM,
    find: 'ROUND_MS.findLast((ms) => ms <= (periodMs ?? 0))',
    replace: 'periodMs',
  },
  { name: 'CONTENT_REQUESTS', file: RHYTHM, find: 'CONTENT_REQUESTS = 4', replace: 'CONTENT_REQUESTS = 0' },
  { name: 'SLACK', file: RHYTHM, find: 'SLACK = 1.05', replace: 'SLACK = 1' },
  { name: 'NEARLY', file: RHYTHM, find: 'NEARLY = 1.1', replace: 'NEARLY = 1' },
  {
    name: 'ANSWERS_OF_ONE',
    file: 'concurrency-gate/src/crowd.ts',
    find: 'ANSWERS_OF_ONE = 7',
    replace: 'ANSWERS_OF_ONE = ANSWERS',
  },
  { name: 'LEFT_FREE', file: CONTROL, find: 'LEFT_FREE = 0.05', replace: 'LEFT_FREE = 0' },
  {
    name: 'latency guard',
    file: 'concurrency-gate/src/latency.ts',
    find: 'queueing(trend)) {',
    replace: 'false) {',
  },
  {
    name: 'significance of the latency guard',
    file: 'concurrency-gate/src/latency.ts',
    find: ' && t >= SIGNIFICANT_T',
    replace: '',
  },
  { name: 'slow start by time', file: CONTROL, find: 'rampAt !== undefined &&\n', replace: 'false &&\n' },
  { name: 'floor', file: CONTROL, find: 'PROBE_AT_LEAST_MS = 10_000', replace: 'PROBE_AT_LEAST_MS = Infinity' },
  { name: 'first retry on time', file: CONTROL, find: 'if (retry < 2 ||', replace: 'if (retry < 1 ||' },
  { name: 'spreading over an outage', file: CONTROL, find: 'SPREAD = 1.25', replace: 'SPREAD = 0' },
  {
    name: 'chance',
    file: CHANCE,
    find: 'return score >= enough && meanShare <= MOST_BY_CHANCE',
    replace: 'return false',
  },
  {
    name: 'lone refusals pass',
    file: CHANCE,
    find: 'if (score > 0 || (row === 1 && score > LEAST)) return true',
    replace: '',
  },
  { name: 'windows hold only without evidence for chance', file: CONTROL, find: ' && !chance.leaning', replace: '' },
  {
    name: 'a window whose length doubles is none',
    file: RHYTHM,
    find: 'periodMs > 2 * firstPeriodMs',
    replace: 'false',
  },
  {
    name: 'breaker by endpoint',
    file: 'concurrency-gate/src/breaker.ts',
    find: '`${request.method} ${endpointOf(request.url)}`',
    replace: `'every'`,
  },
  { name: 'open streams keep no probe', file: GATE, find: 'if (!held || streaming) return', replace: 'return' },
  {
    name: 'counted unless others were served',
    file: 'concurrency-gate/src/index.ts',
    find: '(serving && servedAt > firstSentAt) || (comingBack',
    replace: 'true || (comingBack',
  },
  {
    name: 'who waited behind refusals has waited',
    file: GATE,
    find: 'Math.max(joinedAt, barrenSince) + patienceMs - clock()',
    replace: 'Infinity',
  },
  {
    name: 'probes are for calls that were never sent',
    file: GATE,
    find: '(control.probing && line.firstNew) || ',
    replace: '',
  },
  {
    name: 'fast retry where a key is well',
    file: 'backoff-jitter/src/health.ts',
    find: 'HASTE = 0.05',
    replace: 'HASTE = 1',
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
