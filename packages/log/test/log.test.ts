import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { classify } from '@aplomb/classify'
import { createFetch, middleware, sleep, type Fetch, type Middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { log, type LogOptions, type LogRecord } from '../src/index.ts'

const URL_A = 'https://api.example.com/v1/lookup/8.8.8.8?fields=geo&apiKey=abc'

/** Sends again on anything that failed, as often as it takes, and says so. */
const again = (waitMs: number): Middleware =>
  middleware('again', async (request, next, call) => {
    for (;;) {
      const response = await next(request)
      if (response.status < 500) return response
      const { id, key, attempt } = call
      call.emit({
        type: 'retry',
        call: id,
        key,
        by: 'again',
        attempt,
        reason: `server-error: ${response.status}`,
        waitMs,
      })
      await sleep(waitMs, call.signal)
      call.waited('backoff', waitMs)
    }
  })

const logged = (
  inner: Fetch,
  options: LogOptions = {},
  ...below: Middleware[]
): { fetch: Fetch; records: LogRecord[] } => {
  const records: LogRecord[] = []
  const sink = (record: LogRecord): void => void records.push(record)
  return { records, fetch: createFetch([log({ sink, ...options }), ...below, classify()], { fetch: inner }) }
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

describe('1. one record per attempt, per retry decision, and per call', () => {
  test('with all that there is to know', async () => {
    const failure = { status: 503, delayMs: 20, body: { message: 'try later' }, headers: { 'x-request-id': 'req_1' } }
    const inner = respond(failure, { delayMs: 30, headers: { 'x-credits-charged': '2' } })
    const { fetch, records } = logged(inner, {}, again(1000))
    const pending = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(2000)
    await pending
    const base = {
      call: expect.any(String) as string,
      key: 'https://api.example.com',
      method: 'GET',
      endpoint: '/v1/lookup/:id',
      url: 'https://api.example.com/v1/lookup/8.8.8.8?fields=geo&apiKey=[redacted]',
    }
    expect(records).toEqual([
      {
        event: 'attempt',
        level: 'warn',
        timestamp: '2026-11-22T12:00:00.000Z',
        ...base,
        attempt: 1,
        durationMs: 20,
        waitMs: 0,
        queueMs: 0,
        holdMs: 0,
        backoffMs: 0,
        headersMs: 20,
        status: 503,
        verdict: 'overloaded',
        evidence: expect.stringContaining('503') as string,
        message: 'try later',
        requestId: 'req_1',
        next: 'retry',
        body: '{"message":"try later"}',
        requestHeaders: {},
        responseHeaders: { 'content-type': 'application/json' },
      },
      {
        event: 'retry',
        level: 'warn',
        timestamp: '2026-11-22T12:00:00.020Z',
        ...base,
        attempt: 1,
        by: 'again',
        message: 'server-error: 503',
        waitMs: 1000,
      },
      {
        event: 'attempt',
        level: 'info',
        timestamp: '2026-11-22T12:00:01.020Z',
        ...base,
        attempt: 2,
        durationMs: 1030,
        waitMs: 1000,
        queueMs: 0,
        holdMs: 0,
        backoffMs: 1000,
        headersMs: 30,
        status: 200,
        verdict: 'ok',
        evidence: '200',
        creditsUsed: 2,
        next: 'return',
      },
      {
        event: 'call',
        level: 'info',
        timestamp: '2026-11-22T12:00:01.050Z',
        ...base,
        attempt: 2,
        durationMs: 1050,
        waitMs: 1000,
        queueMs: 0,
        holdMs: 0,
        backoffMs: 1000,
        headersMs: 50,
        status: 200,
        verdict: 'ok',
        evidence: '200',
        creditsUsed: 2,
      },
    ])
  })
})
