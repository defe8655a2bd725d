import { describe, expect, it, vi } from 'vitest'
import { type Case, responseOf } from '../../../classify/test/support/cases.ts'
import { type Explanation, explain } from '../../src/explain/index.ts'
import { aplomb, type CallEvent, type Fetch, type LogRecord, rules } from '../../src/index.ts'
import { casesIn } from '../support/cases.ts'
import { outcomes, timed, useFakeTime } from '../support/time.ts'

useFakeTime()

const URL_A = 'https://api.test/v1/x'
const RULES = Object.values(rules)
const CASES = ['limit-responses', 'limit-responses-2', 'limit-responses-2-relatives', 'catalogue'].flatMap(casesIn)
/** Half of them as a POST, which may not be repeated as freely; with DEEP all of them, too. */
const NAMED = CASES.flatMap((one, i): readonly (readonly [string, string, Case])[] =>
  (process.env['DEEP'] ? ['GET', 'POST'] : [i % 2 ? 'GET' : 'POST']).map((method) => [
    method,
    `${one.api}: ${one.case}`,
    one,
  ]),
)

const explained = (one: Case, method: string): Promise<Explanation> => {
  const receivedAt = Date.parse(one.receivedAt)
  vi.setSystemTime(receivedAt)
  return explain(responseOf(one), { rules: RULES, receivedAt, request: { method, url: URL_A } })
}

interface Course {
  readonly records: readonly LogRecord[]
  readonly sentAt: readonly number[]
  readonly events: readonly CallEvent[]
}

/** One call to a server that answers so. */
const courseOf = async (one: Case, method: string, answer: (place: number) => Response): Promise<Course> => {
  vi.setSystemTime(Date.parse(one.receivedAt))
  const events: CallEvent[] = []
  const records: LogRecord[] = []
  let sent = 0
  const inner: Fetch = async () => answer(sent++)
  const server = timed(inner)
  const fetch = aplomb({
    fetch: server,
    log: { sink: (record) => records.push(record) },
    classify: { rules: RULES },
    onEvent: (event) => events.push(event),
  })
  await outcomes([fetch(URL_A, method === 'POST' ? { method, body: 'an order' } : { method })])
  return { sentAt: server.times, events, records }
}

describe('what it says is what aplomb() does with a call that is alone', () => {
  const does = ({ parts }: Explanation, name: string): string => parts.find((part) => part.name === name)?.does ?? ''

  it.each(NAMED)('%s %s', async (method, _, one) => {
    const explanation = await explained(one, method)
    const { next, verdict, limits } = explanation
    const { sentAt, events, records } = await courseOf(one, method, (place) =>
      place === 0 ? responseOf(one) : new Response('served'),
    )

    expect(sentAt.length).toBe(next.again ? 2 : 1)
    const retries = events.filter((event) => event.type === 'retry')
    expect(retries.map(({ by }) => by)).toEqual(next.again ? [next.by] : [])
    if (next.again) {
      const waitedMs = sentAt[1]! - sentAt[0]!
      expect(waitedMs).toBeGreaterThanOrEqual(next.fromMs)
      expect(waitedMs).toBeLessThanOrEqual(next.toMs)
    }

    const isHeld = events.some((event) => event.type === 'hold' && event.pacing !== true)
    expect(does(explanation, 'retry-after').startsWith('holds every call')).toBe(isHeld)

    const { cost } = limits.credits ?? {}
    expect(events.find((event) => event.type === 'credits')?.cost ?? 0).toBe(cost ?? 0)
    expect(does(explanation, 'credit-meter')).toContain(cost === undefined ? 'charges nothing' : `charges ${cost} `)
    const alerts = events.filter((event) => event.type === 'alert').map(({ condition }) => condition)
    expect(alerts.filter((condition) => condition !== 'threshold')).toEqual(
      verdict.action === 'pay' ? [verdict.kind] : [],
    )

    const levelOf = (event: string): string | undefined => records.find((record) => record.event === event)?.level
    const levels = next.again ? [levelOf('attempt')] : [levelOf('attempt'), levelOf('call')]
    const said = does(explanation, 'log')
    const told = said.startsWith('warn') ? ['warn', 'error'] : [said, said]
    expect(levels).toEqual(told.slice(0, levels.length))
  })
})

/** What dates in an answer are measured against: a later one like it has later dates. */
const dated = (one: Case): Response => {
  const response = responseOf(one)
  if (!response.headers.has('date')) response.headers.set('date', new Date(one.receivedAt).toUTCString())
  return response
}

describe('as often as it says it is sent, if every answer is like the first', () => {
  it.each(NAMED)('%s %s', async (method, _, one) => {
    const { next } = await explained(one, method)
    const { sentAt } = await courseOf(one, method, () => dated(one))
    expect(sentAt.length).toBe(next.again ? next.maxAttempts : 1)
  })
})
