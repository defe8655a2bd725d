import { readFileSync } from 'node:fs'
import FakeTimers from '@sinonjs/fake-timers'
import { aplomb, rules, unwrap, verdictOf } from 'aplomb'

/** An answer that was met in the wild, and what it means. */
export interface WildCase {
  readonly api: string
  readonly case: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly receivedAt: string
  /** The kind of fault that it is a case of. */
  readonly fault?: string
  /** Refused with status 200: read only with the rules. */
  readonly rules?: boolean
  readonly expect: {
    /** `*`: any. */
    readonly kind: string
    /** A later repetition helps. */
    readonly retryable: boolean
    readonly waitMs: number | null
    /** A POST may be sent again, too. */
    readonly post?: boolean
    readonly message?: string
    readonly unwrap?: 'throws'
  }
}

/** What was decided on a case, and what is wrong with it. */
export interface Decision {
  readonly name: string
  /** What a caller notices: sent again or not, too early, never settled, no exception where there has to be one. */
  readonly wrong: readonly string[]
  /** What only a reader notices: the kind, the wait, the message. */
  readonly misread: readonly string[]
  readonly evidence: string
}

export const casesIn = (file: string): readonly WildCase[] =>
  JSON.parse(readFileSync(new URL(`../../../classify/test/${file}.json`, import.meta.url), 'utf8')) as WildCase[]

/** The default of `retryAfter.maxWaitMs`. */
const MAX_WAIT_MS = 60_000
const HOUR = 3_600_000

/** As the older cases call them. */
const KINDS: Readonly<Record<string, string>> = {
  'rate-limit': 'rate-limited',
  'concurrency-limit': 'concurrency-limited',
  'invalid-request': 'invalid',
  auth: 'unauthenticated',
  permission: 'forbidden',
  'not-found': 'missing',
  validation: 'unprocessable',
}

const turn = setImmediate

const responseOf = ({ status, headers, body }: WildCase): Response =>
  new Response(body === null ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers })

/** How a case is put to the test. */
export interface Trial {
  readonly withRules?: boolean | undefined
  readonly method?: 'GET' | 'POST'
}

/** Makes one call whose first answer is that of the case, and every later one a 200. */
export const decisionOn = async (one: WildCase, trial: Trial = {}): Promise<Decision> => {
  const { withRules = one.rules ?? false, method = 'GET' } = trial
  const { retryable, waitMs, kind, message, post = retryable, unwrap: unwrapped } = one.expect
  const clock = FakeTimers.install({
    now: Date.parse(one.receivedAt),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
  try {
    const sentAt: number[] = []
    const answers: Response[] = []
    const fetch = aplomb({
      log: false,
      classify: { lookups: true, ...(withRules && { rules: Object.values(rules) }) },
      fetch: async () => {
        sentAt.push(clock.now - Date.parse(one.receivedAt))
        const response = answers.length === 0 ? responseOf(one) : new Response('{}')
        answers.push(response)
        return response
      },
    })
    const ending: { response?: Response; error?: unknown } = {}
    fetch('https://api.test/v1/x', { method }).then(
      (response) => (ending.response = response),
      (error: unknown) => (ending.error = error),
    )
    while (Object.keys(ending).length === 0 && clock.now - Date.parse(one.receivedAt) < HOUR) {
      for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => void turn(resolve))
      if (Object.keys(ending).length === 0 && clock.countTimers() > 0) clock.next()
    }
    const verdict = answers[0] && verdictOf(answers[0])
    const wanted = (method === 'GET' ? retryable : post) && (waitMs ?? 0) <= MAX_WAIT_MS
    const wrong: string[] = []
    if (!ending.response) wrong.push('error' in ending ? 'threw' : 'not settled within the hour')
    if (sentAt.length > 1 !== wanted) wrong.push(wanted ? 'not sent again' : `sent ${sentAt.length} times`)
    if (wanted && sentAt.length > 1 && sentAt[1]! < (waitMs ?? 0)) wrong.push(`sent after ${sentAt[1]} ms`)
    if (unwrapped && ending.response) {
      const threw = await unwrap(ending.response).then(
        () => false,
        () => true,
      )
      if (!threw) wrong.push('unwrap did not throw')
    }
    const misread: string[] = []
    const expected = KINDS[kind] ?? kind
    if (kind !== '*' && verdict?.kind !== expected) misread.push(`${verdict?.kind}, not ${expected}`)
    if ((verdict?.retryAfterMs ?? null) !== waitMs) misread.push(`wait ${verdict?.retryAfterMs}, not ${waitMs}`)
    if (message !== undefined && verdict?.message !== message) misread.push(`message ${verdict?.message}`)
    return { name: `${one.api}: ${one.case}`, wrong, misread, evidence: verdict?.evidence ?? '' }
  } finally {
    clock.uninstall()
  }
}
