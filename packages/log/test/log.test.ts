import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { middleware, sleep, type CallEvent, type Middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { log, type AttemptRecord, type LogRecord } from '../src/index.ts'
import { logged } from './helpers.ts'

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
    const { fetch, records } = logged(inner, {}, [again(1000)])
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

const eventsOf = (records: readonly LogRecord[]): string[] => records.map(({ event, level }) => `${event} ${level}`)

const emitting = (...events: readonly object[]): Middleware =>
  middleware('emitting', async (request, next, call) => {
    const response = await next(request)
    for (const event of events) call.emit({ call: call.id, key: call.key, ...event } as CallEvent)
    return response
  })

describe('2. a record answers without any other source', () => {
  test('where the time went: queue, hold, backoff and headers apart', async () => {
    const waiting = middleware('waiting', async (request, next, call) => {
      call.waited('queue', 1)
      call.waited('hold', 2.04)
      call.waited('backoff', 4)
      return next(request)
    })
    const { fetch, records } = logged(respond({ delayMs: 8 }), {}, [waiting])
    const pending = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(8)
    await pending
    const times = { queueMs: 1, holdMs: 2, backoffMs: 4, waitMs: 7, headersMs: 8 }
    expect(records).toMatchObject([
      { ...times, durationMs: 15 },
      { ...times, durationMs: 8 },
    ])
  })

  test('what happens next: retry, return or throw', async () => {
    const twice: Middleware = async (request, next) => {
      await next(request)
      return next(request)
    }
    const { fetch, records } = logged(respond(200, 404), {}, [twice])
    await fetch(URL_A)
    const once = logged(respond(new TypeError('fetch failed')))
    await expect(once.fetch(URL_A)).rejects.toThrow('fetch failed')
    const attempts = [...records, ...once.records].filter((one) => one.event === 'attempt')
    expect(attempts.map(({ next }) => next)).toEqual(['retry', 'return', 'throw'])
  })

  test('who gave up, and why', async () => {
    const quitter = middleware('quitter', async (request, next, call) => {
      const response = await next(request)
      call.giveUp('quitter', 'waits 3600 s')
      return response
    })
    const { fetch, records } = logged(respond(503), {}, [quitter])
    await fetch(URL_A)
    expect(records.at(-1)).toMatchObject({ event: 'call', gaveUp: 'quitter: waits 3600 s', verdict: 'overloaded' })
  })

  test('credits as the meter counted them, or else as a header says', async () => {
    const charge = { headers: { 'x-credits-charged': '2' } }
    const counted = logged(respond(charge), {}, [emitting({ type: 'credits', cost: 7 })])
    await counted.fetch(URL_A)
    const plain = logged(respond(charge))
    await plain.fetch(URL_A)
    expect(counted.records).toMatchObject([{ creditsUsed: 7 }, { creditsUsed: 7 }])
    expect(plain.records).toMatchObject([{ creditsUsed: 2 }, { creditsUsed: 2 }])
  })

  test('the message of a 4xx, the beginning of the body of a 5xx, and the body is still whole', async () => {
    const said = { error: { message: 'No such field', code: 'bad_field' } }
    const page = `<h1>Bad Gateway</h1>${' nginx'.repeat(1000)}`
    const html = { status: 502, body: page, headers: { 'content-type': 'text/html' } }
    const { fetch, records } = logged(respond({ status: 400, body: said }, html))
    expect(await (await fetch(URL_A)).json()).toEqual(said)
    expect(await (await fetch(URL_A)).text()).toBe(page)
    const [bad, , broken] = records as [AttemptRecord, LogRecord, AttemptRecord]
    expect(bad).toMatchObject({ status: 400, message: 'No such field', code: 'bad_field' })
    expect(bad.body).toBeUndefined()
    expect(broken.body).toMatch(/^<h1>Bad Gateway<\/h1> nginx/)
    expect(broken.body?.length).toBeLessThanOrEqual(2001)
  })

  test('an error with its code and causes, whatever it is', async () => {
    const loop = Object.assign(new Error('a'), { code: 'E_A' })
    loop.cause = loop
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const thrown: unknown[] = [new TypeError('fetch failed', { cause: refused }), loop, 'text', null]
    const records: LogRecord[] = []
    for (const reason of thrown) {
      const failing = logged(() => Promise.reject(reason))
      await failing.fetch(URL_A).catch(() => undefined)
      records.push(failing.records[1] as LogRecord)
    }
    expect(records[0]).toMatchObject({
      verdict: 'network',
      error: {
        name: 'TypeError',
        message: 'fetch failed',
        cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
      },
    })
    expect(JSON.stringify(records[1]).match(/"code":"E_A"/g)?.length).toBeGreaterThanOrEqual(5)
    expect(records[2]).toMatchObject({ error: { name: 'string', message: 'text' } })
    expect(records[3]).toMatchObject({ error: { name: 'object', message: 'null' } })
  })
})

describe('2. an error that cannot be looked at', () => {
  test('reaches the caller as it is', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const trap = (): never => {
      throw new Error('no')
    }
    const evil: unknown = new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap })
    const { fetch } = logged(() => Promise.reject(evil))
    expect(
      await fetch(URL_A).then(
        () => false,
        (error: unknown) => error === evil,
      ),
    ).toBe(true)
  })
})

describe('3. levels', () => {
  test.each([
    [200, 'attempt info', 'call info'],
    [404, 'attempt warn', 'call error'],
    [402, 'attempt error', 'call error'],
    [500, 'attempt warn', 'call error'],
  ])('%i', async (status, ...levels) => {
    const { fetch, records } = logged(respond(status))
    await fetch(URL_A)
    expect(eventsOf(records)).toEqual(levels)
  })

  test('less urgent records than `level` are not built', async () => {
    const text = vi.fn((one: string) => one)
    const { fetch, records } = logged(respond(500, 200, 200), { level: 'warn', redact: { text } }, [again(0)])
    const pending = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(0)
    await pending
    expect(eventsOf(records)).toEqual(['attempt warn', 'retry warn'])
    text.mockClear()
    await fetch(URL_A)
    expect(text).not.toHaveBeenCalled()
  })
})

describe('4. an abort is logged at once', () => {
  test('also if the inner fetch does not listen, and only once', async () => {
    const { fetch, records } = logged(() => new Promise(() => undefined))
    const controller = new AbortController()
    const pending = fetch(URL_A, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(5)
    controller.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    expect(records).toMatchObject([{ event: 'call', level: 'info', verdict: 'aborted', durationMs: 5, attempt: 1 }])
  })

  test('a deadline of ours is a time-out, not an abort', async () => {
    const { fetch, records } = logged(respond({ delayMs: 1000 }), {}, [], { timeoutMs: 50 })
    const pending = fetch(URL_A).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(50)
    expect(await pending).toMatchObject({ name: 'TimeoutError' })
    expect(records.at(-1)).toMatchObject({ event: 'call', level: 'error', verdict: 'timeout' })
  })
})

describe('5. it works bare, and two instances share nothing', () => {
  test('without a pipeline', async () => {
    const one: LogRecord[] = []
    const other: LogRecord[] = []
    const bare = log({ sink: (record) => one.push(record) })
    log({ sink: (record) => other.push(record) })
    const response = await bare(new Request(URL_A), respond({ status: 500, body: { message: 'broken' } }))
    expect(response.status).toBe(500)
    expect(eventsOf(one)).toEqual(['attempt warn', 'call error'])
    expect(other).toEqual([])
  })

  test('the endpoint is the path without ids, or what the user says', async () => {
    const { fetch, records } = logged(respond(200), { endpoint: ({ method }) => `the ${method}` })
    await fetch(URL_A)
    expect(records[0]?.endpoint).toBe('the GET')
  })
})

describe('6. bad options fail at creation', () => {
  test.each([
    [{ level: 'debug' }, RangeError, "log: level must be one of 'info', 'warn', 'error', got 'debug'"],
    [{ sink: {} }, TypeError, 'log: sink must be a function or a logger with info, warn and error, got object'],
    [{ sink: null }, TypeError, 'got null'],
    [{ sink: 'console' }, TypeError, 'got string'],
    [{ endpoint: '/x' }, TypeError, 'log: endpoint must be a function, got string'],
    [{ redact: { query: 'ip' } }, TypeError, 'log: redact.query must be a list of names, got string'],
    [{ redact: { headers: [1] } }, TypeError, 'log: redact.headers[0] must be a string, got 1'],
    [{ redact: { text: 'x' } }, TypeError, 'log: redact.text must be a function, got string'],
  ])('%o', (options, type, message) => {
    const make = () => log(options as never)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })
})
