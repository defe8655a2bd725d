import { respond, type ScriptedAnswer } from '@aplomb/mock-api'
import { aplomb, type Fetch, verdictOf } from 'aplomb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Refusal, type Sdk, SDKS } from './sdks.ts'

const serving = ({ served }: Sdk): ScriptedAnswer => ({
  headers: { 'content-type': typeof served === 'string' ? 'text/plain' : 'application/json' },
  body: served,
})

const refusing = ({ status, body }: Refusal, retryAfter?: number): ScriptedAnswer => ({
  status,
  body,
  headers: {
    'content-type': typeof body === 'string' ? 'application/xml' : 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  },
})

const forever = (answer: ScriptedAnswer): ScriptedAnswer => ({ ...answer, times: Infinity })

/** A `fetch` that notes when it was called, in seconds from now. */
const timed = (fetch: Fetch) => {
  const began = Date.now()
  const at: number[] = []
  const noting: Fetch = (input, init) => {
    at.push((Date.now() - began) / 1000)
    return fetch(input, init)
  }
  return { fetch: noting, at }
}

const signalOf = (input: string | URL | Request, init?: RequestInit): AbortSignal | null | undefined =>
  init?.signal ?? (input instanceof Request ? input.signal : undefined)

/** A server that never answers, and the signals that it was asked with. */
const hanging = () => {
  const signals: AbortSignal[] = []
  const fetch: Fetch = (input, init) =>
    new Promise((_, reject) => {
      const signal = signalOf(input, init)
      if (!signal) return
      signals.push(signal)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  return { fetch, signals }
}

/** A server whose answer is events, sent one at a time, and whether its client has gone. */
const streaming = () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let gone = false
  const encoder = new TextEncoder()
  const fetch: Fetch = async (input, init) => {
    const body = new ReadableStream<Uint8Array>({
      start: (own) => void (controller = own),
      cancel: () => void (gone = true),
    })
    const signal = signalOf(input, init)
    signal?.addEventListener('abort', () => {
      gone = true
      controller?.error(signal.reason)
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return {
    fetch,
    send: (event: string) => void (gone || controller?.enqueue(encoder.encode(event))),
    end: () => void (gone || controller?.close()),
    isGone: () => gone,
  }
}

/** Lets time pass until a call ends: with what, and after how many seconds. */
const ending = async (call: Promise<unknown>) => {
  const began = Date.now()
  const ends: { value?: unknown; error?: unknown; after: number }[] = []
  const after = (): number => (Date.now() - began) / 1000
  call.then(
    (value) => ends.push({ value, after: after() }),
    (error: unknown) => ends.push({ error, after: after() }),
  )
  while (ends.length === 0) await vi.advanceTimersByTimeAsync(500)
  return ends[0]!
}

beforeAll(async () => {
  // What they load with their first call takes real time.
  for (const sdk of SDKS) await sdk.call(respond(serving(sdk)))
})

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  // The platform's own runs on the real clock.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), ms)
    return controller.signal
  })
})
afterEach(() => void vi.useRealTimers())

describe.each(SDKS)('$name', (sdk) => {
  const { call, options, result, limited, spent } = sdk
  const through = (inner: Fetch): Fetch => aplomb({ ...options, fetch: inner })

  it('is answered as without aplomb, by one request', async () => {
    const api = respond(serving(sdk))
    expect(await ending(call(through(api)))).toMatchObject({ value: result })
    expect(api.calls).toBe(1)
  })

  it('its own retries are off: a server that always fails gets what the page says', async () => {
    const failing = forever({ status: 500, body: { error: { message: 'broken' }, message: 'broken' } })
    const alone = respond(failing)
    await ending(call(alone, undefined, true))
    expect(alone.calls).toBe(sdk.alone)
    const api = respond(failing)
    const { error } = await ending(call(through(api)))
    expect({ sent: api.calls, error }).toEqual({ sent: sdk.sent, error: expect.any(Error) })
  })

  it('the wait of a refusal is obeyed', async () => {
    const api = respond(refusing(limited, 20), serving(sdk))
    const { fetch, at } = timed(api)
    expect((await ending(call(through(fetch)))).value).toEqual(result)
    expect(at).toHaveLength(2)
    expect(at[1]).toBeGreaterThanOrEqual(20)
  })

  it('a wait that is too long is not waited for: the error of the library, at once', async () => {
    const api = respond(refusing(limited, 100))
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(limited.error)
    expect({ after, sent: api.calls }).toEqual({ after: 0, sent: 1 })
    const response = sdk.responseIn?.(error as never)
    if (response) expect(verdictOf(response)).toMatchObject({ kind: 'rate-limited', retryAfterMs: 100_000 })
  })

  it('where money or an allowance is missing: the error of the library, at once', async () => {
    const api = respond(refusing(spent))
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(spent.error)
    expect({ after, sent: api.calls }).toEqual({ after: 0, sent: 1 })
  })

  it('our time limit comes before its own: the last answer of the server, not a time-out', async () => {
    const answeredAt = options.timeoutMs - 20_000
    const api = respond({ ...refusing(limited, 30), delayMs: answeredAt })
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(limited.error)
    expect(after * 1000).toBe(answeredAt)
  })

  it('a server that says nothing: our time limit ends the call and its request', async () => {
    const { fetch, signals } = hanging()
    const { error, after } = await ending(call(through(fetch)))
    expect(error).toMatchObject(sdk.timedOut)
    expect(after).toBe(options.timeoutMs / 1000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it.runIf(sdk.limitMs)('without ours, its own ends the call', async () => {
    const { after } = await ending(call(aplomb({ ...options, timeoutMs: undefined, fetch: hanging().fetch })))
    expect(after * 1000).toBe(sdk.limitMs)
  })

  it.runIf(sdk.aborts)('an abort ends a request that is under way', async () => {
    const { fetch, signals } = hanging()
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 1000)
    expect(await ending(call(through(fetch), caller.signal))).toEqual({ error: expect.any(Error), after: 1 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it.runIf(sdk.aborts)('an abort ends a wait, and nothing is sent any more', async () => {
    const api = respond(refusing(limited, 20))
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 5000)
    expect(await ending(call(through(api), caller.signal))).toEqual({ error: expect.any(Error), after: 5 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(api.calls).toBe(1)
  })
})

describe.each(SDKS.flatMap(({ stream, ...sdk }) => (stream ? [{ ...sdk, stream }] : [])))(
  'a stream of $name',
  ({ stream, options, limited }) => {
    it('comes event by event, after a refusal, too', async () => {
      const { fetch, send, end } = streaming()
      const refused = respond(refusing(limited, 20))
      const inner: Fetch = (input, init) => (refused.calls === 0 ? refused : fetch)(input, init)
      const pieces: unknown[] = []
      const read = async (): Promise<void> => {
        for await (const piece of await stream.open(aplomb({ ...options, fetch: inner }))) pieces.push(piece)
      }
      const reading = read()
      await vi.advanceTimersByTimeAsync(30_000)
      const seen: number[] = []
      for (const event of stream.events) {
        send(event)
        await vi.advanceTimersByTimeAsync(1)
        seen.push(pieces.length)
      }
      end()
      await ending(reading)
      expect(pieces).toEqual(stream.pieces)
      // The first was read before the second was sent.
      expect(seen).toContain(1)
    })

    it('ends with an abort, for the server, too', async () => {
      const { fetch, send, isGone } = streaming()
      const caller = new AbortController()
      const read = async (): Promise<void> => {
        for await (const _ of await stream.open(aplomb({ ...options, fetch }), caller.signal)) caller.abort()
      }
      const reading = ending(read())
      for (const event of stream.events) {
        send(event)
        await vi.advanceTimersByTimeAsync(1)
      }
      await reading
      expect(isGone()).toBe(true)
    })
  },
)
