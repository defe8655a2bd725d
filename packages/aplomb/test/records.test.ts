import { respond, type ScriptEntry } from '@aplomb/mock-api'
import type { LogRecord } from '@aplomb/log'
import { expect, test, vi } from 'vitest'
import { aplomb } from '../src/index.ts'
import { settled, timed, useFakeTime } from './support/time.ts'

useFakeTime()

const TARGET = 'https://api.test/v1/lookup/8.8.8.8?fields=geo&apiKey=abc'

const logged = (...script: readonly ScriptEntry[]) => {
  const records: LogRecord[] = []
  const server = timed(respond(...script))
  const fetch = aplomb({
    fetch: server,
    log: { sink: (record) => void records.push(record) },
    concurrencyGate: { limit: 1 },
    backoffJitter: { baseMs: 500, jitter: 'none' },
  })
  return { fetch, server, records }
}

test('records alone tell the story of a call that queues, is held, backs off, and is answered', async () => {
  const { fetch, server, records } = logged(
    { delayMs: 300 },
    {
      status: 429,
      delayMs: 20,
      headers: { 'retry-after': '2', 'x-request-id': 'req_1' },
      body: { error: { code: 'rate_limit_exceeded', message: 'Slow down, please.' } },
    },
    { status: 500, delayMs: 30, headers: { 'x-request-id': 'req_2' }, body: { message: 'The index is broken.' } },
    { delayMs: 40, headers: { 'x-credits-charged': '3' } },
  )
  const first = settled(fetch('https://api.test/v1/other'))
  const second = settled(fetch(TARGET))
  await Promise.all([first, second])
  const story = records.filter(({ endpoint }) => endpoint === '/v1/lookup/:id')
  const [one, held, again, two, onceMore, three, whole] = story
  const base = {
    call: one?.call,
    key: 'https://api.test',
    method: 'GET',
    endpoint: '/v1/lookup/:id',
    url: 'https://api.test/v1/lookup/8.8.8.8?fields=geo&apiKey=[redacted]',
  }
  expect(
    story.every((record) => Object.entries(base).every(([name, value]) => Reflect.get(record, name) === value)),
  ).toBe(true)
  // The hold is a little longer than the server asks: jitter is only ever added.
  const heldMs = two?.event === 'attempt' ? two.holdMs : NaN
  expect(heldMs).toBeGreaterThanOrEqual(2000)
  expect(heldMs).toBeLessThan(3000)
  const at = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString()

  expect(one).toMatchObject({
    event: 'attempt',
    level: 'warn',
    timestamp: at(300),
    attempt: 1,
    queueMs: 300,
    holdMs: 0,
    backoffMs: 0,
    waitMs: 300,
    headersMs: 20,
    durationMs: 320,
    status: 429,
    verdict: 'rate-limited',
    evidence: expect.stringMatching(/^429, .*rate_limit_exceeded/) as string,
    code: 'rate_limit_exceeded',
    message: 'Slow down, please.',
    requestId: 'req_1',
    responseHeaders: { 'retry-after': '2' },
    next: 'retry',
  })
  expect(held).toMatchObject({
    event: 'hold',
    timestamp: at(320),
    by: 'retry-after',
    message: expect.stringMatching(/^429/) as string,
    waitMs: 2000,
  })
  expect(again).toMatchObject({
    event: 'retry',
    timestamp: at(320),
    attempt: 1,
    by: 'retry-after',
    message: expect.stringMatching(/^rate-limited: 429/) as string,
    waitMs: 2000,
  })
  expect(two).toMatchObject({
    event: 'attempt',
    level: 'warn',
    attempt: 2,
    queueMs: 0,
    backoffMs: 0,
    headersMs: 30,
    status: 500,
    verdict: 'server-error',
    evidence: '500',
    message: 'The index is broken.',
    body: '{"message":"The index is broken."}',
    requestId: 'req_2',
    next: 'retry',
  })
  expect(onceMore).toMatchObject({
    event: 'retry',
    attempt: 2,
    by: 'backoff-jitter',
    message: 'server-error: 500',
  })
  const backedOffMs = onceMore?.event === 'retry' ? onceMore.waitMs : NaN
  expect(backedOffMs).toBeGreaterThan(0)
  expect(three).toMatchObject({
    event: 'attempt',
    level: 'info',
    attempt: 3,
    holdMs: 0,
    backoffMs: backedOffMs,
    headersMs: 40,
    status: 200,
    verdict: 'ok',
    evidence: '200',
    creditsUsed: 3,
    next: 'return',
  })
  const waits = story.flatMap((record) => (record.event === 'attempt' ? [record.waitMs] : []))
  expect(whole).toMatchObject({
    event: 'call',
    level: 'info',
    attempt: 3,
    queueMs: 300 + (three?.event === 'attempt' ? three.queueMs : NaN),
    holdMs: heldMs,
    backoffMs: backedOffMs,
    headersMs: 90,
    status: 200,
    verdict: 'ok',
    creditsUsed: 3,
  })
  expect(story).toHaveLength(7)

  // Nothing is left unexplained: the times add up to the moments at which the server was asked, and to the whole.
  const sentAt = story.flatMap((record) => (record.event === 'attempt' ? [Date.parse(record.timestamp)] : []))
  const began = Date.UTC(2026, 0, 1)
  expect(sentAt).toEqual(server.times.slice(1).map((ms) => began + Math.floor(ms)))
  const sum = waits.reduce((all, ms) => all + ms, 0) + 90
  expect(whole?.event === 'call' && Math.abs(whole.durationMs - sum)).toBeLessThan(1)
})

test.each([
  [
    'a wait that is too long',
    { status: 429, headers: { 'retry-after': '3600' }, body: { message: 'Come back tomorrow.' } },
    { verdict: 'rate-limited', next: 'return', message: 'Come back tomorrow.' },
    { gaveUp: 'retry-after: the server asks for 3600 s, maxWaitMs is 60 s' },
  ],
  [
    'an account that is empty',
    { status: 402, body: { error: { message: 'Your credit balance is too low.' } } },
    { level: 'error', verdict: 'billing', next: 'return', message: 'Your credit balance is too low.' },
    { gaveUp: 'credit-meter: billing: 402, message says "balance is too low"' },
  ],
  [
    'a certificate that has expired',
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' }),
    }),
    { verdict: 'network', next: 'throw', error: { message: 'fetch failed', cause: { code: 'CERT_HAS_EXPIRED' } } },
    { verdict: 'network', level: 'error' },
  ],
])('and of one that ends with %s: why, and that nothing follows', async (_, answer, attempt, call) => {
  const { fetch, records } = logged(answer)
  await settled(fetch(TARGET)).catch(() => undefined)
  expect(records.filter(({ event }) => event !== 'alert')).toMatchObject([
    { event: 'attempt', attempt: 1, ...attempt },
    { event: 'call', attempt: 1, ...call },
  ])
  expect(vi.getTimerCount()).toBe(0)
})
