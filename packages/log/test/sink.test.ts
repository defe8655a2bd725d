import createDebug from 'debug'
import pino from 'pino'
import { Writable } from 'node:stream'
import { format } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import winston from 'winston'
import { classify } from '@aplomb/classify'
import { callOf, createFetch, type Middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { log, type LogOptions } from '../src/index.ts'

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

const line = 'GET /v1/lookup/:id: attempt 1: server-error (500) in'

describe('7. sinks', () => {
  test('pino gets the record, and a sentence as its message', async () => {
    const { stream, parsed } = lines()
    await run({ sink: pino({ level: 'info' }, stream) })
    expect(parsed()).toMatchObject([
      { level: 40, event: 'attempt', status: 500, requestId: 'req_1', msg: expect.stringContaining(line) as string },
      { level: 50, event: 'call', status: 500 },
    ])
  })

  test('winston gets the sentence, and the record as its meta data', async () => {
    const { stream, parsed } = lines()
    const logger = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
    await run({ sink: logger })
    expect(parsed()).toMatchObject([
      { level: 'warn', event: 'attempt', status: 500, requestId: 'req_1' },
      { level: 'error', event: 'call', status: 500 },
    ])
    expect(parsed()[0]?.['message']).toContain(line)
  })

  test('console, by level', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await run({ sink: console })
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ event: 'attempt' }),
      expect.stringContaining(line),
    )
    expect(error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ event: 'call' }), expect.any(String))
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

  test('with a namespace for each kind of record, and never data in the format', async () => {
    const written = await captured('aplomb:*')
    expect(written).toHaveLength(2)
    expect(written[0]).toContain('aplomb:attempt')
    expect(written[0]).toContain('"url":"https://api.example.com/v1/lookup/[redacted]?limit=[redacted]"')
    expect(written[1]).toContain('aplomb:call')
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
    vi.useFakeTimers()
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
    vi.useRealTimers()
  })
})
