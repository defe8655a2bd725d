import createDebug from 'debug'
import pino from 'pino'
import { Writable } from 'node:stream'
import { Console } from 'node:console'
import { format } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import winston from 'winston'
import { classify } from '@aplomb/classify'
import { callOf, createFetch, type Middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { log, type Logger, type LogOptions, type LogRecord } from '../src/index.ts'

const URL_A = 'https://api.example.com/v1/lookup/%d0%b0?limit=%s'

const run = async (options: LogOptions, ...below: Middleware[]): Promise<Response> => {
  const inner = respond({ status: 500, headers: { 'x-request-id': 'req_1' } })
  return createFetch([log(options), ...below, classify()], { fetch: inner })(URL_A)
}

/** A stream that keeps the JSON lines written to it. */
const lines = (): { stream: Writable; parsed: () => Record<string, unknown>[] } => {
  let text = ''
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString()
      done()
    },
  })
  const parsed = () =>
    text
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { stream, parsed }
}

const line = 'GET /v1/lookup/:id: 500 in 0 ms: server-error, returned'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What it says would be a format, or the name of a field. */
const odd = { status: 500, body: { message: '100 %s %d of %o, level: error' }, headers: { 'x-request-id': 'req_1' } }

const many = () => [
  winston.format.errors({ stack: true }),
  winston.format.splat(),
  winston.format.label({ label: 'x' }),
]

/** A line with a word in place of the id of its call. */
const named = (text: string): string => text.replace(/[a-z\d]{1,6}-[a-z\d]+ (?=GET )/, 'CALL ')

describe('7. sinks', () => {
  const fields = { status: 500, requestId: 'req_1', detail: odd.body.message, timestamp: '2026-11-22T12:00:00.000Z' }
  const said = `GET /v1/lookup/:id: 500 in 0 ms: server-error, returned: "${odd.body.message}"`
  const ended = `GET /v1/lookup/:id: ended with 500 after 0 ms: server-error: "${odd.body.message}"; to do: try later, or tell who runs it`

  const told = async (sink: Logger): Promise<void> => {
    await createFetch([log({ sink }), classify()], { fetch: respond(odd) })(URL_A)
  }

  test('pino gets the record, and a sentence as its message', async () => {
    const { stream, parsed } = lines()
    await told(pino({ level: 'info' }, stream))
    expect(parsed()).toMatchObject([
      { level: 40, event: 'attempt', ...fields, msg: said },
      { level: 50, event: 'call', ...fields, msg: ended },
    ])
    expect(parsed()[0]).not.toHaveProperty('message')
  })

  test('also where pino calls that `message`: no name is there twice', async () => {
    let text = ''
    const stream = new Writable({ write: (chunk: Buffer, _, done) => ((text += chunk.toString()), done()) })
    await told(pino({ level: 'info', messageKey: 'message' }, stream))
    const [first = ''] = text.split('\n')
    expect(JSON.parse(first)).toMatchObject({ ...fields, message: said })
    for (const name of Object.keys(JSON.parse(first) as object)) expect(first.split(`"${name}":`)).toHaveLength(2)
  })

  test.each([
    ['as JSON', winston.format.json()],
    ['with splat, label and errors', winston.format.combine(...many(), winston.format.json())],
  ])('winston gets the sentence as it is, and all fields beside it, %s', async (_, as) => {
    const { stream, parsed } = lines()
    const logger = winston.createLogger({ format: as, transports: [new winston.transports.Stream({ stream })] })
    await told(logger)
    await told(logger.child({ service: 'billing' }))
    expect(parsed()).toMatchObject([
      { level: 'warn', event: 'attempt', ...fields, message: said },
      { level: 'error', event: 'call', ...fields, message: ended },
      { level: 'warn', event: 'attempt', service: 'billing', ...fields, message: said },
      { level: 'error', event: 'call', service: 'billing', ...fields, message: ended },
    ])
    const records: LogRecord[] = []
    const sink = (record: LogRecord): void => void records.push(record)
    await createFetch([log({ sink }), classify()], { fetch: respond(odd) })(URL_A)
    expect(Object.keys(parsed()[0] ?? {})).toEqual(expect.arrayContaining(Object.keys(records[0] ?? {})))
  })

  test.each([
    ['the global one', () => console],
    ['one of its own', () => Object.assign(new Console(new Writable()), { warn: console.warn, error: console.error })],
  ])('a console, %s, gets one line for people, by level', async (_, sink) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await told(sink())
    const texts = [warn, error].map(({ mock }) => mock.calls.map(([text]) => named(String(text))))
    expect(texts).toEqual([[`2026-11-22T12:00:00.000Z CALL ${said}`], [`2026-11-22T12:00:00.000Z CALL ${ended}`]])
  })

  test('a logger that says a level is off gets nothing built for it', async () => {
    const { stream, parsed } = lines()
    const text = vi.fn((one: string) => one)
    await run({ sink: pino({ level: 'silent' }, stream), redact: { text } })
    expect(text).not.toHaveBeenCalled()
    await run({ sink: pino({ level: 'error' }, stream) })
    expect(parsed()).toMatchObject([{ event: 'call' }])
  })
})

describe('8. the default sink is debug', () => {
  afterEach(() => {
    createDebug.disable()
    delete process.env['DEBUG']
  })

  const captured = async (namespaces: string): Promise<string[]> => {
    const written: string[] = []
    const original = createDebug.log
    createDebug.log = (...args: unknown[]) => void written.push(format(...args))
    try {
      createDebug.enable(namespaces)
      await run({})
      await vi.dynamicImportSettled()
    } finally {
      createDebug.log = original
    }
    return written
  }

  test('with a namespace for each kind of record, and one line for people, not JSON', async () => {
    const written = await captured('aplomb:*')
    expect(written.map((text) => named(text.slice(text.indexOf('aplomb:'))))).toEqual([
      `aplomb:attempt CALL ${line}`,
      'aplomb:call CALL GET /v1/lookup/:id: ended with 500 after 0 ms: server-error; to do: try later, or tell who runs it',
    ])
    expect(await captured('aplomb:call')).toHaveLength(1)
  })

  test('if nobody listens, nothing is built and nobody is asked to emit events', async () => {
    const observed: (boolean | undefined)[] = []
    const look: Middleware = async (request, next) => {
      observed.push(callOf(request)?.observed)
      return next(request)
    }
    const text = vi.fn((one: string) => one)
    await run({ redact: { text } }, look)
    expect(observed).toEqual([false])
    expect(text).not.toHaveBeenCalled()
    createDebug.enable('aplomb:call')
    createDebug.log = () => undefined
    await run({ redact: { text } }, look)
    expect(observed).toEqual([false, true])
  })

  test('it is loaded with the first record that somebody listens to: nothing is asked of the environment before', async () => {
    const asked: PropertyKey[] = []
    vi.stubGlobal('process', {
      ...process,
      env: new Proxy(
        {},
        {
          get: (_, name) => {
            asked.push(name)
            throw new Error('NotCapable')
          },
        },
      ),
    })
    try {
      await import('../src/index.ts')
      expect(asked).toEqual([])
      await run({})
      expect(asked).not.toEqual([])
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('9. a sink changes neither the result nor the timing of a call', () => {
  const failing: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['hangs', () => new Promise(() => undefined)],
  ]

  test.each(failing)('that %s', async (_, sink) => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const seen = vi.fn(sink)
    createDebug.enable('aplomb:*')
    vi.spyOn(createDebug, 'log').mockImplementation(seen)
    for (const option of [seen, { info: seen, warn: seen, error: seen }, undefined]) {
      seen.mockClear()
      const before = performance.now()
      expect((await run({ sink: option })).status).toBe(500)
      expect(performance.now()).toBe(before)
      // What somebody listens to loads debug, beside the call.
      if (option === undefined) await vi.dynamicImportSettled()
      expect(seen).toHaveBeenCalledTimes(2)
    }
    createDebug.disable()
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
