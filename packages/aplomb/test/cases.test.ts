import { describe, expect, test } from 'vitest'
import { casesIn, type Course, courseOf } from './support/cases.ts'
import { useFakeTime } from './support/time.ts'

useFakeTime()

/** `maxWaitMs` of retry-after, and the longest first delay of backoff-jitter: its `baseMs` with 30 % on top. */
const LONGEST_WAIT_MS = 60_000
const FIRST_DELAY_MS = 1300
/** Whoever comes back to a server that fails is spread by the gate over so many times the time that it has failed. */
const SPREAD = 1.35
/** The jitter that a wait may get on top, and what the gate takes to ask whether the server is there again. */
const ON_TOP_MS = 200
/** What has to be right. */
const BAR = 0.98

/** Whether the server refused before it did anything, in the words of the documentation: a POST may be sent again. */
const refused = ({ status, headers, expect: { kind } }: Course): boolean =>
  status === 429 ||
  (status === 503 && headers.has('retry-after')) ||
  // All rules are on.
  (status < 400 && (kind === 'rate-limited' || kind === 'concurrency-limited')) ||
  headers.get('x-should-retry') === 'true'

/** From when to when the second request is right, in milliseconds; undefined where there must be none. */
const due = (course: Course): { readonly fromMs: number; readonly toMs: number } | undefined => {
  const { method, expect: said } = course
  const { kind, retryable, resetMs } = said
  const waitMs = said.waitMs ?? 0
  if (!retryable || waitMs > LONGEST_WAIT_MS || (method === 'POST' && !refused(course))) return undefined
  if (said.waitMs === null) {
    // When there is room again, the gate finds out by asking. Whatever else has failed is left alone for a while.
    const probed = kind === 'concurrency-limited' || kind === 'rate-limited'
    if (probed) return { fromMs: 0, toMs: FIRST_DELAY_MS + ON_TOP_MS }
    return { fromMs: 1000, toMs: FIRST_DELAY_MS * (1 + SPREAD) }
  }
  // Where the documentation leaves the wait open, it may take until the window's reset.
  return { fromMs: waitMs, toMs: (said.waitMs ?? resetMs ?? 0) * 1.1 + 2000 }
}

const again = ({ sentAt }: Course): readonly number[] => sentAt.slice(1)

type Rule = (course: Course) => boolean

/** What must not happen even once. */
const NEVER: Readonly<Record<string, Rule>> = {
  'sent again what must not be': (course) => !due(course) && course.sentAt.length !== 1,
  'sent before it was time': (course) => again(course).some((at) => at < (due(course)?.fromMs ?? 0)),
  'waited longer than maxWaitMs': ({ settledAt }) => settledAt > LONGEST_WAIT_MS + ON_TOP_MS,
}

const WRONG: Readonly<Record<string, Rule>> = {
  ...NEVER,
  'not sent again': (course) => due(course) !== undefined && course.sentAt.length === 1,
  'sent more than twice': ({ sentAt }) => sentAt.length > 2,
  'sent again too late': (course) => again(course).some((at) => at > (due(course)?.toMs ?? Infinity)),
  'the caller got something else than the last answer': ({ got, sentAt }) => got !== sentAt.length - 1,
  'the caller got it later than it came': ({ settledAt, sentAt }) => settledAt !== sentAt.at(-1),
  'the body was touched': ({ intact }) => !intact,
  'does not say when to come back': ({ got, expect: said, receivedAt, retryAt }) =>
    got === 0 && typeof said.waitMs === 'number' && retryAt !== receivedAt + said.waitMs,
  'left a timer behind': ({ timersLeft }) => timersLeft > 0,
}

const breaks = (course: Course, rules: Readonly<Record<string, Rule>>): string[] =>
  Object.keys(rules).filter((name) => rules[name]!(course))

describe.each(['limit-responses', 'catalogue'])('every documented response of %s, then 200', (file) => {
  test.each(['GET', 'POST'])('%s: the right thing is done at the right time', async (method) => {
    const courses: Course[] = []
    for (const one of casesIn(file)) courses.push(await courseOf(one, method))
    const report = (rules: Readonly<Record<string, Rule>>): string[] =>
      courses
        .filter((course) => breaks(course, rules).length > 0)
        .map(
          (course) => `${course.name} ${method}: ${breaks(course, rules).join(', ')}; sent at ${course.sentAt.join()}`,
        )

    const wrong = report(WRONG)
    expect.soft(report(NEVER)).toEqual([])
    expect(1 - wrong.length / courses.length, wrong.join('\n')).toBeGreaterThanOrEqual(BAR)
  })
})
