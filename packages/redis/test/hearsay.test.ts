import { constrained, type Doorway, newOrdered, newVerdict } from '@aplomb/pipeline'
import { aplomb } from 'aplomb'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { tellKnown } from '../src/hearsay.ts'
import { type Known, toldVerdict } from '../src/messages.ts'

const KEY = 'https://api.test'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A pipeline whose doors can be told what others have heard. */
const open = (answers: Response[]) => {
  const doorways: Doorway[] = []
  const sent: string[] = []
  const share = (own: Doorway): Doorway['pass'] => {
    doorways.push(own)
    return own.pass
  }
  const fetch = aplomb({
    log: false,
    store: constrained('spy', () => ({ waitMs: () => 0 }), { share, newLine: newOrdered }),
    fetch: async (input) => {
      sent.push(input instanceof Request ? input.url : `${input}`)
      return answers.shift() ?? new Response('{}')
    },
  })
  const constraints = () => (doorways.at(-1) as Doorway).constraints(KEY)
  return { fetch, sent, constraints, tell: (known: Known) => tellKnown(KEY, constraints(), [known]) }
}

const limits = {
  windows: [],
  concurrency: { limit: 2, active: undefined, remaining: undefined, source: 'x-concurrent-limit' },
}
const SERVED: Known = {
  verdict: toldVerdict(newVerdict({ kind: 'ok', receivedAt: 0, evidence: '', limits })),
  ageMs: 5000,
}

it('what others had heard is no service of now: a limit of all is not taken for one of an endpoint', async () => {
  const refusal = (seconds: number): Response =>
    new Response(null, { status: 429, headers: { 'retry-after': `${seconds}` } })
  const { fetch, sent, tell } = open([refusal(1), refusal(1), refusal(9)])
  const limited = fetch(`${KEY}/v1/limited`)
  await vi.advanceTimersByTimeAsync(1900)
  expect(sent).toHaveLength(2)
  tell(SERVED)
  await vi.advanceTimersByTimeAsync(1000)
  expect(sent).toHaveLength(3)
  const other = fetch(`${KEY}/v1/other`)
  await vi.advanceTimersByTimeAsync(7000)
  expect(sent).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(20_000)
  expect([(await limited).status, (await other).status]).toEqual([200, 200])
})

it('but a ceiling counts, and a wait', async () => {
  const { fetch, sent, constraints, tell } = open([])
  tell(SERVED)
  expect(constraints().map((one) => one.ceiling?.(true) ?? Infinity)).toContain(2)
  tell({
    verdict: toldVerdict(newVerdict({ kind: 'rate-limited', receivedAt: 0, evidence: '', retryAfterMs: 9000 })),
    ageMs: 5000,
  })
  const call = fetch(`${KEY}/v1/a`)
  await vi.advanceTimersByTimeAsync(3900)
  expect(sent).toEqual([])
  await vi.advanceTimersByTimeAsync(1000)
  expect((await call).status).toBe(200)
})
