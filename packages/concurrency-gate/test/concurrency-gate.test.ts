import {
  type CallEvent,
  createFetch,
  type CreateFetchOptions,
  discard,
  type Fetch,
  type Middleware,
  middleware,
  sleep,
  verdictOf,
} from '@aplomb/pipeline'
import { classify } from '@aplomb/classify'
import { respond, type ScriptedAnswer, type ScriptEntry } from '@aplomb/mock-api'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  abortAfter,
  CLEAN,
  flush,
  listeners,
  outcomes,
  platformListeners,
  settled,
  timed,
  urlOf,
  useFakeTime,
  watch,
} from '../../aplomb/test/support/time.ts'
import { backoffJitter } from '../../backoff-jitter/src/index.ts'
import {
  BreakerOpenError,
  concurrencyGate,
  type ConcurrencyGateOptions,
  QueueFullError,
  QueueTimeoutError,
} from '../src/index.ts'

useFakeTime()

const KEY = 'https://api.test'
const TARGET = `${KEY}/x`
const TOO_MANY: ScriptedAnswer = { status: 429, body: { message: 'Too many concurrent requests.' } }
const SILENT: ScriptedAnswer = { status: 429, body: 'Too Many Requests' }

const ceiling = (limit: number, active: number): Record<string, string> => ({
  'x-concurrent-threads': String(limit),
  'x-concurrent-threads-active': String(active),
})

/** A server that knows how many requests it has at once; `answer` gets what it should know to answer. */
const serve = (answer: (facts: { n: number; inFlight: number; atMs: number }) => ScriptedAnswer) => {
  const zero = performance.now()
  const paths: string[] = []
  const times: number[] = []
  let inFlight = 0
  let most = 0
  const fetch: Fetch = async (input, init) => {
    most = Math.max(most, ++inFlight)
    paths.push(new URL(input instanceof Request ? input.url : input).pathname.slice(1))
    times.push(performance.now() - zero)
    try {
      return await respond(answer({ n: paths.length, inFlight, atMs: performance.now() - zero }))(input, init)
    } finally {
      inFlight--
    }
  }
  return Object.assign(fetch, { paths, times, most: () => most })
}

const gated = (options?: ConcurrencyGateOptions, fetch?: Fetch, pipeline: CreateFetchOptions = {}) => {
  const gate = concurrencyGate(options)
  return { gate, fetch: createFetch([gate, classify()], { ...pipeline, fetch }) }
}

const setup = (script: readonly ScriptEntry[], options?: ConcurrencyGateOptions, pipeline?: CreateFetchOptions) => {
  const server = timed(respond(...script))
  return { server, ...gated(options, server, pipeline) }
}

/** So many calls at once, each to a path of its own. */
const throwIn = (fetch: Fetch, count: number): Promise<Response>[] =>
  Array.from({ length: count }, (_, i) => fetch(`${KEY}/${i}`))

/** What a backoff does, without its chance: sends a failed request again after a second. */
const again = (times = 1) =>
  middleware('again', async (request, next, call) => {
    for (let left = times; ; left--) {
      const response = await next(request)
      if (response.ok || left === 0) return response
      discard(response)
      await sleep(1000, call.signal)
      call.waited('backoff', 1000)
    }
  })

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

describe('1. per key, no more calls are in flight than the limit; the others wait, first come, first served', () => {
  test('three at once', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const { gate, fetch } = gated({ limit: 3 }, server)
    const calls = throwIn(fetch, 10)
    await flush()
    expect(gate.stats(KEY)).toEqual({ limit: 3, active: 3, queued: 7 })
    await outcomes(calls)
    expect(server.most()).toBe(3)
    expect(server.paths).toEqual(numbers(10))
    expect(server.times).toEqual([0, 0, 0, 100, 100, 100, 200, 200, 200, 300])
    expect(gate.stats(KEY)).toEqual({ limit: 3, active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('another key has slots of its own', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const { fetch } = gated({ limit: 1 }, server)
    const calls = [fetch(`${KEY}/a`), fetch('https://other.test/b'), fetch(`${KEY}/c`)]
    await flush()
    expect(server.paths).toEqual(['a', 'b'])
    await outcomes(calls)
  })

  test('a failed call gives its slot back', async () => {
    const { gate, fetch } = setup([new TypeError('fetch failed'), 200, 200], { limit: 1 })
    const results = await outcomes(throwIn(fetch, 3))
    expect(results.map((one) => 'value' in one)).toEqual([false, true, true])
    expect(gate.stats()).toMatchObject({ active: 0, queued: 0 })
  })

  test('a call that comes while others wait does not overtake them', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const { fetch } = gated({ limit: 1 }, server)
    const calls = [fetch(`${KEY}/a`), fetch(`${KEY}/b`)]
    await vi.advanceTimersByTimeAsync(50)
    calls.push(fetch(`${KEY}/c`))
    // As soon as the first answer is there, and once more before the next one has been sent.
    const late = calls[0]!.then(() => fetch(`${KEY}/d`))
    await outcomes([...calls, late])
    expect(server.paths).toEqual(['a', 'b', 'c', 'd'])
  })

  test('nor in any of the instants between an answer and the next one being sent', async () => {
    const sent: string[] = []
    const first = Promise.withResolvers<Response>()
    const server: Fetch = async (input) => {
      sent.push(new URL(urlOf(input)).pathname.slice(1))
      return sent.length === 1 ? first.promise : new Response()
    }
    const { fetch } = gated({ limit: 1 }, server)
    const calls = [fetch(`${KEY}/a`), fetch(`${KEY}/b`)]
    first.resolve(new Response())
    const expected = ['a', 'b']
    for (let i = 0; i < 60; i++) {
      await Promise.resolve()
      calls.push(fetch(`${KEY}/late-${i}`))
      expected.push(`late-${i}`)
    }
    await outcomes(calls)
    expect(sent).toEqual(expected)
  })
})

describe('2. the limit starts at 4 and doubles with every round of good answers, and after 100 ms every 40 ms', () => {
  test('answers that take long hold nobody up: five hundred calls are out after 380 ms', async () => {
    const server = serve(() => ({ delayMs: 3000 }))
    const { gate, fetch } = gated({}, server)
    const calls = throwIn(fetch, 512)
    await vi.advanceTimersByTimeAsync(400)
    const sentBy = (ms: number): number => server.times.filter((at) => at <= ms).length
    for (const [i, count] of [4, 8, 16, 32, 64, 128, 256, 512].entries()) {
      // A timer is late by less than a millisecond.
      expect(sentBy(100 + i * 40)).toBeLessThanOrEqual(count)
      expect(sentBy(100 + i * 40 + 1)).toBeGreaterThanOrEqual(count)
    }
    expect(gate.stats(KEY)).toMatchObject({ active: 512, queued: 0 })
    await outcomes(calls)
  })

  test('there is no limit to the limit', async () => {
    const server = serve(() => ({ delayMs: 1000 }))
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 2000))
    expect(server.most()).toBe(2000)
  })

  test('answers that all come in one instant are no rest: twice as many go out at once', async () => {
    const server = serve(() => ({ delayMs: 10 }))
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 100))
    expect(server.times.filter((at) => at === 0)).toHaveLength(4)
    expect(server.times.filter((at) => at === 10).length).toBeGreaterThanOrEqual(8)
  })

  test('beyond 16 only while answers take no longer for it: a server that does one thing at a time is not flooded', async () => {
    let freeAt = 0
    const server = serve(({ atMs }) => {
      freeAt = Math.max(freeAt, atMs) + 10
      return { delayMs: freeAt - atMs }
    })
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 300))
    expect(server.times.at(-1)).toBeLessThanOrEqual(3000)
    // Three hundred good answers are enough to double up to as many.
    expect(server.most()).toBeLessThan(64)
  })

  test('a burst after a moment of rest begins with 4', async () => {
    const server = serve(({ n }) => ({ delayMs: 100 + (n % 3) }))
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 300))
    const before = server.times.length
    await outcomes(throwIn(fetch, 300))
    expect(server.times.slice(before).filter((at) => at === server.times[before])).toHaveLength(4)
  })

  test('unless a ceiling is known', async () => {
    const server = serve(({ inFlight }) => ({ delayMs: 100, headers: ceiling(50, inFlight) }))
    const { fetch } = gated({}, server)
    await settled(fetch(TARGET))
    await outcomes(throwIn(fetch, 60))
    expect(server.most()).toBe(50)
  })

  test('only as long as it is made use of', async () => {
    const { gate, fetch } = setup([{ times: Infinity }])
    for (let i = 0; i < 50; i++) await fetch(TARGET)
    expect(gate.stats(KEY).limit).toBe(4)
  })

  test('the events tell', async () => {
    const events: CallEvent[] = []
    const server = serve(() => ({ delayMs: 50 }))
    const { fetch } = gated({}, server, { onEvent: (event) => events.push(event) })
    await outcomes(throwIn(fetch, 6))
    const queued = events.filter(({ type }) => type === 'queue')
    expect(queued).toMatchObject([
      { queued: 1, active: 4, limit: 4 },
      { queued: 2, active: 4, limit: 4 },
    ])
    const grown = events.find((event) => event.type === 'limit')
    expect(grown).toMatchObject({ key: KEY, reason: 'all goes well' })
    expect(grown!.limit).toBeGreaterThan(grown!.previous)
    const waits = events.filter((event) => event.type === 'attempt').map(({ queueMs }) => queueMs)
    expect(waits).toEqual(server.times)
    expect(waits.map((ms) => ms > 0)).toEqual([false, false, false, false, true, true])
  })
})

describe('3. a ceiling that a header names is taken at once, less what others use of it', () => {
  test('five', async () => {
    const server = serve(({ inFlight }) => ({ delayMs: 10, headers: ceiling(5, inFlight) }))
    const { gate, fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 200))
    expect(gate.stats(KEY).limit).toBe(5)
    expect(server.most()).toBe(5)
    expect(server.times.at(-1)).toBe(400)
  })

  test('two, although four are on their way', async () => {
    const server = serve(() => ({ delayMs: 10, headers: ceiling(2, 2) }))
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 10))
    expect(server.times).toEqual([0, 0, 0, 0, 10, 10, 20, 20, 30, 30])
  })

  test('ten, of which others use six', async () => {
    const server = serve(({ n, inFlight }) => ({ delayMs: 97 + (n % 7), headers: ceiling(10, 6 + inFlight) }))
    const { gate, fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 40))
    const calls = throwIn(fetch, 40)
    await vi.advanceTimersByTimeAsync(400)
    expect(gate.stats(KEY)).toMatchObject({ limit: 4, active: 4 })
    await outcomes(calls)
  })

  test('the IETF draft says it so', async () => {
    const headers = { 'ratelimit-policy': '"c";q=2;qu="concurrent-requests"', ratelimit: '"c";r=1' }
    const { gate, fetch } = setup([{ headers }])
    await fetch(TARGET)
    expect(gate.stats(KEY).limit).toBe(2)
  })
})

describe('4. a concurrency 429 teaches the limit; the call is sent when a slot comes free', () => {
  const atMost = (most: number) => serve(({ inFlight }) => (inFlight > most ? TOO_MANY : { delayMs: 100 }))

  test('the refused call goes to the front of the queue; every call is answered', async () => {
    const server = atMost(3)
    const { gate, fetch } = gated({ limit: 4 }, server)
    const results = await outcomes(throwIn(fetch, 5))
    expect(results.every((one) => 'value' in one && one.value.status === 200)).toBe(true)
    expect(server.paths).toEqual(['0', '1', '2', '3', '3', '4'])
    expect(server.times).toEqual([0, 0, 0, 0, 100, 100])
    expect(gate.stats(KEY).limit).toBe(3)
  })

  test('learned exactly, without being told, in the middle of slow start', async () => {
    const server = atMost(5)
    const { gate, fetch } = gated({}, server)
    const results = await outcomes(throwIn(fetch, 60))
    expect(results.every((one) => 'value' in one && one.value.status === 200)).toBe(true)
    expect(gate.stats(KEY).limit).toBe(5)
  })

  test('the wait for a slot is its reason', async () => {
    const server = atMost(1)
    const events: CallEvent[] = []
    const { fetch } = gated({ limit: 2 }, server, { onEvent: (event) => events.push(event) })
    await outcomes(throwIn(fetch, 2))
    expect(events.find(({ type }) => type === 'retry')).toMatchObject({ by: 'concurrency-gate', attempt: 1, waitMs: 0 })
    expect(events.findLast((event) => event.type === 'attempt')).toMatchObject({ attempt: 2, queueMs: 100 })
  })

  test.each([
    ['a body that was read to its end to judge the refusal is kept', 'Too many concurrent requests.', false],
    ['any other is given up before the wait', `Too many concurrent requests.${' '.repeat(100_000)}`, true],
  ])('%s', async (_, body, bodyUsed) => {
    const { server, fetch } = setup([{ delayMs: 100 }, { status: 429, body }, 200], { limit: 2 })
    const calls = throwIn(fetch, 2)
    await vi.advanceTimersByTimeAsync(50)
    expect(server.inner.responses).toMatchObject([{ response: { status: 429, bodyUsed } }])
    await outcomes(calls)
    // What was served is for the caller to read.
    expect(server.inner.unread).toBe(2)
  })

  test('after 40 refusals the answer is returned, its body unread', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    let refused = 0
    const inner: Fetch = async (input, init) => {
      if (new URL(urlOf(input)).pathname !== '/unlucky') return server(input, init)
      refused++
      return respond({ ...TOO_MANY, delayMs: 1 })(input, init)
    }
    const { fetch } = gated({ limit: 2 }, inner)
    const results = await outcomes([fetch(`${KEY}/unlucky`), ...throwIn(fetch, 100)])
    const [unlucky, ...others] = results
    expect(unlucky).toHaveProperty('value.status', 429)
    expect(await (unlucky as { value: Response }).value.json()).toEqual(TOO_MANY.body)
    expect(refused).toBe(40)
    for (const one of others) expect(one).toHaveProperty('value.status', 200)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('different calls that are refused although they are alone: the key pauses, and each gets its turn', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = serve(({ n }) => (n <= 3 ? TOO_MANY : { delayMs: 10 }))
    const { fetch } = gated({ limit: 1 }, server)
    for (const one of await outcomes(throwIn(fetch, 3))) expect(one).toHaveProperty('value.status', 200)
    expect(server.paths).toEqual(['0', '1', '2', '0', '1', '2'])
    // Two were refused: the next one goes after 200 ms, and after that one after half as long again.
    expect(server.times.slice(0, 4)).toEqual([0, 0, 200, 500])
  })

  test('if it names a wait, the key waits for it: this call and all others', async () => {
    const wait = { ...TOO_MANY, headers: { 'retry-after': '12' } }
    const server = serve(({ atMs }) => (atMs === 0 ? wait : {}))
    const { fetch } = gated({ limit: 2 }, server)
    const calls = throwIn(fetch, 2)
    await vi.advanceTimersByTimeAsync(1000)
    const late = fetch(`${KEY}/late`)
    for (const one of await outcomes([...calls, late])) expect(one).toHaveProperty('value.status', 200)
    expect(server.paths.slice(2).toSorted()).toEqual(['0', '1', 'late'])
    expect(Math.min(...server.times.slice(2))).toBe(12_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('above 60 s the answer is returned at once, and others are not held by it', async () => {
    const { server, fetch } = setup([{ ...TOO_MANY, headers: { 'retry-after': '61' } }, 200])
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value.status', 429)
    expect(call.outcome).toHaveProperty('value.bodyUsed', false)
    expect((await settled(fetch(TARGET))).status).toBe(200)
    expect(server.times[1]).toBeLessThanOrEqual(5000)
  })

  test('a wait that does not fit into the deadline is not begun', async () => {
    const { fetch } = setup([{ ...TOO_MANY, headers: { 'retry-after': '2' } }], {}, { timeoutMs: 1000 })
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value.status', 429)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a body that cannot be sent again: the answer is returned', async () => {
    const { server, fetch } = setup([TOO_MANY])
    const init = { method: 'POST', body: new Blob(['once']).stream(), duplex: 'half' } as RequestInit
    expect((await fetch(TARGET, init)).status).toBe(429)
    expect(server.times).toHaveLength(1)
  })

  test('a POST is sent again: it was refused before anything was done', async () => {
    const server = atMost(1)
    const { fetch } = gated({ limit: 2 }, server)
    const results = await outcomes([fetch(`${KEY}/a`), fetch(`${KEY}/b`, { method: 'POST', body: 'x' })])
    expect(results.every((one) => 'value' in one && one.value.status === 200)).toBe(true)
    expect(server.paths).toEqual(['a', 'b', 'b'])
  })

  test('what another middleware gave up is returned', async () => {
    const server = timed(respond(TOO_MANY))
    const quit = middleware('quit', async (request, next, call) => {
      const response = await next(request)
      call.giveUp('quit', 'enough')
      return response
    })
    const fetch = createFetch([concurrencyGate(), quit], { fetch: server })
    expect((await fetch(TARGET)).status).toBe(429)
    expect(server.times).toHaveLength(1)
  })
})

describe('5. a learned ceiling is tried again after a long run of good answers; an announced one is kept', () => {
  test('learned', async () => {
    const server = serve(({ n, inFlight }) => (inFlight > (n < 400 ? 3 : 6) ? TOO_MANY : { delayMs: 100 }))
    const { gate, fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 300))
    expect(gate.stats(KEY).limit).toBe(3)
    await outcomes(throwIn(fetch, 1500))
    expect(gate.stats(KEY).limit).toBe(6)
  })

  test('announced', async () => {
    const server = serve(({ n, inFlight }) => ({ delayMs: 100, headers: n <= 4 ? ceiling(3, inFlight) : {} }))
    const { gate, fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 1500))
    expect(gate.stats(KEY).limit).toBe(3)
    expect(server.paths).toHaveLength(1500)
  })
})

describe('6. a 429 without a word is tried once more when another call has succeeded', () => {
  test('served: it was for too many in flight, and teaches the limit', async () => {
    const server = serve(({ inFlight }) => (inFlight > 5 ? SILENT : { delayMs: 50 }))
    const { gate, fetch } = gated({}, server)
    for (const one of await outcomes(throwIn(fetch, 200))) expect(one).toHaveProperty('value.status', 200)
    expect(gate.stats(KEY).limit).toBe(5)
    // As fast as the server can: five every 50 ms, and two rounds to find that out.
    expect(server.times.at(-1)).toBeLessThanOrEqual((200 / 5 + 1) * 50)
  })

  test('refused: it was for a window of time, and the key waits for it', async () => {
    const server = serve(({ n, atMs }) => (n > 6 && atMs < 1000 ? SILENT : { delayMs: 10 }))
    const events: CallEvent[] = []
    const { fetch } = gated({}, server, { onEvent: (event) => events.push(event) })
    for (const one of await outcomes(throwIn(fetch, 20))) expect(one).toHaveProperty('value.status', 200)
    // The second round and the trial; from then on one at a time, with pauses.
    const probes = server.times.filter((at) => at > 20 && at < 1000)
    expect(probes.length).toBeGreaterThan(3)
    for (const [i, at] of probes.slice(1).entries()) expect(at - probes[i]!).toBeGreaterThanOrEqual(0.75 * 30)
  })

  test('nothing else is sent until then', async () => {
    const server = serve(({ n }) => (n === 5 || n === 6 ? SILENT : { delayMs: n <= 4 ? 10 : 100 }))
    const { fetch } = gated({}, server)
    const calls = throwIn(fetch, 20)
    await vi.advanceTimersByTimeAsync(109)
    const before = server.times.length
    await vi.advanceTimersByTimeAsync(1)
    expect(server.times.length).toBeGreaterThan(before)
    await outcomes(calls)
    expect(server.times.filter((at) => at > 10 && at < 110)).toEqual([])
  })

  test.each(['abort', 'reset', 'throw'] as const)(
    'a trial that never comes to an answer (%s) holds nobody up',
    async (end) => {
      const server = serve(({ n }) => {
        // The first one might be chance, and is sent again at once.
        if (n >= 4 && n <= 6) return { ...SILENT, delayMs: 5 }
        return { delayMs: n === 7 ? 1000 : n === 1 ? 20 : 5 * n }
      })
      const trial = new AbortController()
      const inner: Fetch = (input, init) => {
        const answer = server(input, init)
        if (server.paths.length !== 7 || end === 'abort') return answer
        answer.catch(() => undefined)
        return Promise.reject(end === 'reset' ? new TypeError('fetch failed') : new Error('broken'))
      }
      const { gate, fetch } = gated({}, inner)
      await settled(fetch(TARGET))
      const calls = throwIn(fetch, 3).concat(fetch(`${KEY}/3`), fetch(`${KEY}/late`, { signal: trial.signal }))
      const watched = calls.map(watch)
      await vi.advanceTimersByTimeAsync(25)
      // Nothing but the trial has gone out before it has come to its end; another one may have since.
      expect(server.paths.slice(0, 7)).toEqual(['x', '0', '1', '2', '3', '2', 'late'])
      trial.abort('mine')
      await outcomes(calls)
      expect(watched[4]?.outcome).toHaveProperty('error')
      for (const { outcome } of watched.slice(0, 4)) expect(outcome).toHaveProperty('value.status', 200)
      expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    },
  )

  test('it is of a call that was never sent, if there is one; then those that were come first', async () => {
    const server = serve(({ n }) => (n === 3 || n === 4 ? { ...SILENT, delayMs: 5 } : { delayMs: 10 }))
    const { fetch } = gated({}, server)
    for (const one of await outcomes(throwIn(fetch, 10))) expect(one).toHaveProperty('value.status', 200)
    expect(server.paths.slice(4, 7)).toEqual(['4', '2', '3'])
  })

  test('nor does it if those that were under way with it all fail', async () => {
    const { gate, fetch } = setup([{ status: 500, delayMs: 20 }, { ...SILENT, delayMs: 10 }, { times: Infinity }], {
      limit: 2,
    })
    const [, , late] = await outcomes(throwIn(fetch, 3))
    expect(late).toHaveProperty('value.status', 200)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })
})

describe('7. the rhythm of a silent window is learned, and calls wait for the opening', () => {
  /** A fixed window that begins with the first request in it, and never says a word about it. */
  const windowed = (limit: number, windowMs: number, delayMs = 30) => {
    const refused: number[] = []
    let opened = -Infinity
    let used = 0
    let window = -1
    const server = serve(({ atMs }) => {
      if (atMs >= opened + windowMs) {
        window++
        opened = atMs
        used = 0
      }
      if (used++ < limit) return { delayMs }
      refused[window] = (refused[window] ?? 0) + 1
      return { ...SILENT, delayMs: 5 }
    })
    return Object.assign(server, {
      refused: () => Array.from(refused, (count) => count ?? 0),
      windows: () => window + 1,
    })
  }

  test.each([
    [40, 1000],
    [5, 1000],
    [200, 1000],
    [10, 500],
  ])('%d in %d ms: no window is wasted', async (limit, windowMs) => {
    const server = windowed(limit, windowMs)
    const { fetch } = gated({}, server)
    const results = await outcomes(throwIn(fetch, limit * 10))
    for (const one of results) expect(one).toHaveProperty('value.status', 200)
    expect(server.windows()).toBe(10)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('once learned, a burst after a rest is let through without a refusal', async () => {
    const server = windowed(40, 1000)
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 200))
    await vi.advanceTimersByTimeAsync(5000)
    const before = server.windows()
    await outcomes(throwIn(fetch, 30))
    expect(server.refused().slice(before)).toEqual([])
  })

  test('an hour in which nobody asked is not taken for a window of an hour', async () => {
    const server = windowed(40, 1000)
    const gate = concurrencyGate()
    const hasty = createFetch([gate], { fetch: server, timeoutMs: 600 })
    for (let i = 0; i < 3; i++) {
      await outcomes(throwIn(hasty, 100))
      await vi.advanceTimersByTimeAsync(7_200_000)
    }
    const began = performance.now()
    await outcomes(throwIn(createFetch([gate], { fetch: server }), 100))
    expect(performance.now() - began).toBeLessThanOrEqual(60_000)
  })

  test('20 for a call at most, and none once nobody was served for ten seconds: the answer is returned', async () => {
    const unlucky: number[] = []
    const server = serve(() => ({ delayMs: 10 }))
    const inner: Fetch = async (input, init) => {
      if (new URL(urlOf(input)).pathname !== '/unlucky') return server(input, init)
      unlucky.push(performance.now())
      return respond(SILENT)(input, init)
    }
    const { fetch } = gated({}, inner)
    await settled(fetch(TARGET))
    const before = throwIn(fetch, 3)
    const call = fetch(`${KEY}/unlucky`)
    const results = await outcomes([...before, call, ...throwIn(fetch, 50)])
    expect(results[3]).toHaveProperty('value.status', 429)
    for (const [i, one] of results.entries()) if (i !== 3) expect(one).toHaveProperty('value.status', 200)
    expect(unlucky.length).toBeGreaterThan(1)
    expect(unlucky.length).toBeLessThanOrEqual(21)
    // Only the last one came later.
    expect(unlucky.at(-2)! - unlucky[0]!).toBeLessThanOrEqual(10_000)
  })

  test('a call that is alone is sent again at once, once: that tells chance from a window', async () => {
    const { server, fetch } = setup([200, SILENT, 200])
    await fetch(TARGET)
    expect((await fetch(TARGET)).status).toBe(200)
    expect(server.times).toEqual([0, 0, 0])
  })

  test('refused again, it is left to the backoff', async () => {
    const { server, fetch } = setup([200, SILENT, SILENT])
    await fetch(TARGET)
    expect((await fetch(TARGET)).status).toBe(429)
    expect(server.times).toEqual([0, 0, 0])
  })

  test('while nobody is served, the answer to one of several is returned: it is for the backoff', async () => {
    const { server, fetch } = setup([SILENT, 200], { limit: 1 })
    const results = await outcomes(throwIn(fetch, 2))
    expect(results).toMatchObject([{ value: { status: 429 } }, { value: { status: 200 } }])
    expect(server.times).toHaveLength(2)
  })

  test('a wait of 0 is none', async () => {
    const now = { ...SILENT, headers: { 'retry-after': '0' } }
    const { server, fetch } = setup([200, now, now])
    await fetch(TARGET)
    expect((await fetch(TARGET)).status).toBe(429)
    expect(server.times).toHaveLength(3)
  })

  test('a POST is sent again: it was refused before anything was done', async () => {
    const { server, fetch } = setup([200, { delayMs: 10 }, SILENT, { times: Infinity }])
    await fetch(TARGET)
    const results = await outcomes([fetch(TARGET), fetch(TARGET, { method: 'POST', body: 'x' })])
    expect(results).toMatchObject([{ value: { status: 200 } }, { value: { status: 200 } }])
    expect(await Promise.all(server.inner.requests.slice(2).map((request) => request.text()))).toEqual(['x', 'x'])
  })

  test('the body of the refusal is given up', async () => {
    const { server, fetch } = setup([200, { delayMs: 10 }, SILENT, { times: Infinity }])
    await fetch(TARGET)
    await outcomes([fetch(TARGET), fetch(TARGET)])
    const used = server.inner.responses.map(({ response }) => [response.status, response.bodyUsed])
    expect(used.filter(([status]) => status === 429)).toEqual([[429, true]])
  })

  test('one with a time is not ours: it is returned, and nobody is paused', async () => {
    const { server, fetch } = setup([200, { ...SILENT, headers: { 'retry-after': '5' } }, 200])
    await fetch(TARGET)
    expect((await fetch(TARGET)).status).toBe(429)
    expect((await fetch(TARGET)).status).toBe(200)
    expect(server.times).toEqual([0, 0, 0])
  })

  test('probing, while it is not known when the window opens, is one at a time', async () => {
    const server = serve(({ atMs }) => ({ ...(atMs < 1000 ? SILENT : {}), delayMs: 10 }))
    const { gate, fetch } = gated({}, server)
    const calls = throwIn(fetch, 60)
    // Four at once, the trial, and one that tells chance from a window.
    await vi.advanceTimersByTimeAsync(35)
    expect(server.times).toEqual([0, 0, 0, 0, 10, 20])
    expect(gate.stats(KEY).active).toBe(0)
    expect(gate.stats(KEY).queued).toBeGreaterThan(50)
    await outcomes(calls)
    const probes = server.times.filter((at) => at >= 20 && at < 1000)
    expect(new Set(probes).size).toBe(probes.length)
    expect(probes.length).toBeGreaterThan(3)
    // A pause of 30 ms, less a quarter of chance, and the answer takes ten.
    for (const [i, at] of probes.slice(1).entries()) expect(at - probes[i]!).toBeGreaterThanOrEqual(0.75 * 30 + 10)
  })
})

describe('8. a server may refuse at random: then nothing is learned from it', () => {
  /** Every so many requests one is refused, whatever else is in flight. */
  const randomly = (every: number, delayMs = 50) => serve(({ n }) => ({ ...(n % every === 0 && SILENT), delayMs }))

  test('a lone refusal among successes changes nothing', async () => {
    const events: CallEvent[] = []
    const server = serve(({ n }) => ({ ...(n === 3 && SILENT), delayMs: 50 }))
    const { fetch } = gated({}, server, { onEvent: (event) => events.push(event) })
    for (const one of await outcomes(throwIn(fetch, 100))) expect(one).toHaveProperty('value.status', 200)
    const limits = events.filter((event) => event.type === 'limit')
    expect(limits.length).toBeGreaterThan(5)
    for (const { limit, previous, reason } of limits) {
      expect(reason).toBe('all goes well')
      expect(limit).toBeGreaterThan(previous)
    }
  })

  test.each([20, 10, 5, 3])(
    'one of %d: every call is served, sooner than if each were left to a backoff',
    async (every) => {
      const took = async (middlewares: Middleware[]): Promise<number> => {
        const fetch = createFetch(middlewares, { fetch: randomly(every) })
        const began = performance.now()
        for (const one of await outcomes(throwIn(fetch, 400))) expect(one).toHaveProperty('value.status', 200)
        return performance.now() - began
      }
      expect(await took([concurrencyGate()])).toBeLessThan(await took([again(Infinity)]))
    },
  )

  test('a refused call is sent again after 50 ms, then twice as long each time, a second at most; 20 times at most', async () => {
    const server = respond(SILENT, 200, SILENT, 200, SILENT, 200, { times: Infinity, delayMs: 50 })
    const unlucky: number[] = []
    const inner: Fetch = async (input, init) => {
      if (new URL(urlOf(input)).pathname !== '/unlucky') return server(input, init)
      unlucky.push(performance.now())
      return respond(SILENT)(input, init)
    }
    const { fetch } = gated({}, inner)
    for (let i = 0; i < 3; i++) await fetch(TARGET)
    const others = async (): Promise<Response> => {
      for (let i = 0; i < 400; i++) await fetch(TARGET)
      return fetch(TARGET)
    }
    const [, call] = await outcomes([others(), fetch(`${KEY}/unlucky`)])
    expect(call).toHaveProperty('value.status', 429)
    const gaps = unlucky.slice(1).map((at, i) => at - unlucky[i]!)
    expect(gaps).toEqual([50, 100, 200, 400, 800, ...Array.from({ length: 15 }, () => 1000)])
  })

  test('a window that was learned before is forgotten', async () => {
    const window = { openedAt: -Infinity, used: 0 }
    let random = false
    const server = serve(({ n, atMs }) => {
      if (random) return { ...(n % 5 === 0 && SILENT), delayMs: 50 }
      if (atMs >= window.openedAt + 1000) Object.assign(window, { openedAt: atMs, used: 0 })
      return { ...(window.used++ >= 5 && SILENT), delayMs: 30 }
    })
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 50))
    random = true
    const began = performance.now()
    for (const one of await outcomes(throwIn(fetch, 400))) expect(one).toHaveProperty('value.status', 200)
    // In ten windows; in windows of five it would be eighty seconds.
    expect(performance.now() - began).toBeLessThanOrEqual(10_000)
  })
})

describe('9. what was learned keeps nobody for more than ten seconds after the last request', () => {
  test('a window of a minute', async () => {
    const window = { openedAt: -Infinity, used: 0 }
    const server = serve(({ atMs }) => {
      if (atMs >= window.openedAt + 60_000) Object.assign(window, { openedAt: atMs, used: 0 })
      return { ...(window.used++ >= 5 && SILENT), delayMs: 30 }
    })
    const { fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 30))
    const gaps = server.times.slice(1).map((at, i) => at - server.times[i]!)
    // The answer takes a moment, and a timer is late by less than a millisecond.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_001)
    expect(Math.max(...gaps)).toBeGreaterThan(5000)
  })
})

describe('10. an endpoint that is down gets one probe at a time', () => {
  const downUntil = (ms: number, answer: ScriptedAnswer) =>
    serve(({ atMs }) => ({ ...(atMs < ms ? answer : {}), delayMs: 10 }))

  test.each([500, 502, 503, 408])('five times %d in a row, and it is', async (status) => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = downUntil(1000, { status })
    const { fetch } = gated({ limit: 1 }, server)
    await outcomes(throwIn(fetch, 10))
    expect(server.times).toEqual([0, 10, 20, 30, 40, 150, 260, 370, 480, 590])
  })

  test('network failures, too', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const lost = Array.from({ length: 5 }, () => new TypeError('fetch failed'))
    const { server, fetch } = setup([...lost, 200], { limit: 1 })
    await outcomes(throwIn(fetch, 6))
    expect(server.times).toEqual([0, 0, 0, 0, 0, 100])
  })

  test.each<[string, Error]>([
    ['a certificate', Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' })],
    ['CORS', new Error('cors failure')],
    ['an argument', Object.assign(new Error('Invalid URL'), { code: 'ERR_INVALID_URL' })],
    ['a closed dispatcher', Object.assign(new Error('The client is closed'), { code: 'UND_ERR_CLOSED' })],
    ['a host that is not found', Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })],
  ])('not so %s: that says nothing of how the server fares', async (_, cause) => {
    const failures = Array.from({ length: 10 }, () => new TypeError('fetch failed', { cause }))
    const { gate, server, fetch } = setup(failures)
    await outcomes(throwIn(fetch, 10))
    expect(server.times).toEqual(Array.from({ length: 10 }, () => 0))
    // Nor is it an answer, for the limit to grow by.
    expect(gate.stats(KEY)).toEqual({ limit: 4, active: 0, queued: 0 })
  })

  test('four are none, however often', async () => {
    const server = serve(({ n }) => ({ status: n % 5 === 0 ? 200 : 500, delayMs: 10 }))
    const { fetch } = gated({ limit: 1 }, server)
    await outcomes(throwIn(fetch, 50))
    expect(server.times.at(-1)).toBe(490)
  })

  test('a pause is 15 % of the time that it was down, 5 s at most', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const server = downUntil(Infinity, { status: 500 })
    const { fetch } = gated({ limit: 1 }, server)
    await outcomes(throwIn(fetch, 40))
    const gaps = server.times.slice(1).map((at, i) => at - server.times[i]!)
    // 4 s and nearly a quarter on top, and the answer takes ten.
    expect(Math.max(...gaps)).toBe(4998 + 10)
    const since = server.times[4]! + 10
    for (const [i, at] of server.times.slice(5, -1).entries()) {
      const longest = Math.min(5000, Math.max(125, (at + 10 - since) * 0.1875))
      expect(server.times[i + 6]! - at).toBeLessThanOrEqual(Math.ceil(longest) + 10)
    }
  })

  test('what the caller aborts is no failure of the server', async () => {
    const { gate, fetch } = setup([{ delayMs: 1000, times: Infinity }])
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController()
      const call = watch(fetch(TARGET, { signal: controller.signal }))
      await vi.advanceTimersByTimeAsync(10)
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
      await flush()
      expect(call.outcome).toHaveProperty('error.name', 'TimeoutError')
    }
    expect(gate.stats(KEY)).toEqual({ limit: 4, active: 0, queued: 0 })
  })

  test('the first good answer ends it, and the limit grows again', async () => {
    const server = downUntil(300, { status: 500 })
    const { gate, fetch } = gated({}, server)
    await outcomes(throwIn(fetch, 8))
    const ended = performance.now()
    const down = server.times.length
    await outcomes(throwIn(fetch, 200))
    expect(gate.stats(KEY).limit).toBeGreaterThan(32)
    expect(performance.now() - ended).toBeLessThanOrEqual(500)
    expect(server.times.length).toBe(down + 200)
  })

  test('answers to what was sent before do not end it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = serve(({ n }) => (n === 1 ? { delayMs: 50 } : n <= 6 ? { status: 500, delayMs: 10 } : {}))
    const { fetch } = gated({ limit: 6 }, server)
    await outcomes(throwIn(fetch, 10))
    expect(server.times.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0])
    expect(server.times[6]).toBe(110)
  })

  test('the answers themselves are returned: whoever stands outside decides', async () => {
    const { fetch } = setup([503])
    expect((await fetch(TARGET)).status).toBe(503)
  })
})

describe('10. and the others of its key go on', () => {
  /** The endpoints of these names fail. */
  const broken = (...names: string[]) => {
    const down = new Set(names)
    const sent: [string, number][] = []
    const zero = performance.now()
    const fetch: Fetch = async (input, init) => {
      const path = new URL(urlOf(input)).pathname.slice(1)
      sent.push([path, performance.now() - zero])
      return respond({ status: down.has(path.split('/')[0]!) ? 500 : 200, delayMs: 10 })(input, init)
    }
    const timesOf = (name: string): number[] => sent.filter(([path]) => path.startsWith(name)).map(([, at]) => at)
    return Object.assign(fetch, { down, sent, timesOf })
  }

  test('nine calls of ten to a broken endpoint: the tenth is not held up', async () => {
    const server = broken('bad')
    const { gate, fetch } = gated({}, server)
    const calls = Array.from({ length: 100 }, (_, i) => fetch(`${KEY}/${i % 10 === 0 ? 'good' : 'bad'}/${i}`))
    await vi.advanceTimersByTimeAsync(150)
    expect(server.timesOf('good')).toHaveLength(10)
    const { active, queued } = gate.stats(KEY)
    expect(active + queued).toBe(100 - server.sent.length + active)
    await outcomes(calls)
    const probes = server.timesOf('bad').filter((at) => at > 150)
    for (const [i, at] of probes.slice(1).entries()) expect(at - probes[i]!).toBeGreaterThanOrEqual(75)
  })

  test('a good answer of its own ends it: its calls go on in their order, ahead of later ones', async () => {
    const server = broken('bad')
    const { fetch } = gated({ limit: 2 }, server)
    for (let i = 0; i < 5; i++) await settled(fetch(`${KEY}/bad/1000`))
    const calls = Array.from({ length: 6 }, (_, i) => fetch(`${KEY}/bad/${i}`))
    server.down.clear()
    for (const one of await outcomes(calls)) expect(one).toHaveProperty('value.status', 200)
    expect(server.sent.slice(5).map(([path]) => path)).toEqual(Array.from({ length: 6 }, (_, i) => `bad/${i}`))
  })

  test('several endpoints fail, and nobody is served: so is the key, and whoever has not failed sends one trial at once', async () => {
    const server = broken('a', 'b', 'c')
    const { fetch } = gated({ limit: 1 }, server)
    await outcomes([...Array.from({ length: 3 }, () => fetch(`${KEY}/a`)), fetch(`${KEY}/b`), fetch(`${KEY}/b`)])
    const began = performance.now()
    const calls = ['a', 'c', 'd', 'b'].map((path) => fetch(`${KEY}/${path}`))
    await vi.advanceTimersByTimeAsync(0)
    expect(server.sent.slice(5)).toEqual([['c', began]])
    await vi.advanceTimersByTimeAsync(70)
    expect(server.sent).toHaveLength(6)
    await outcomes(calls)
    // The one that is served ends it.
    const times = new Map(server.sent.slice(6))
    expect(Math.max(...times.values()) - times.get('d')!).toBeLessThanOrEqual(1000)
  })

  test('they wait as all others do: counted, cancelled and timed', async () => {
    const server = broken('bad')
    const { gate, fetch } = gated({ maxQueue: 2, queueTimeoutMs: 50 }, server)
    for (let i = 0; i < 5; i++) await settled(fetch(`${KEY}/bad`))
    const controller = new AbortController()
    const calls = [fetch(`${KEY}/bad`), fetch(`${KEY}/bad`, { signal: controller.signal }), fetch(`${KEY}/bad`)].map(
      watch,
    )
    await flush()
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 2 })
    expect(calls[2]!.outcome).toEqual({ error: expect.any(QueueFullError) })
    controller.abort('mine')
    await flush()
    expect(calls[1]!.outcome).toEqual({ error: 'mine' })
    expect(listeners(controller.signal)).toBe(0)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 1 })
    await vi.advanceTimersByTimeAsync(50)
    expect(calls[0]!.outcome).toEqual({ error: expect.any(QueueTimeoutError) })
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('11. when most answers are 503 or 529, the limit is halved', () => {
  test.each([503, 529])('when most answers are %d, the limit is halved, once for each round', async (status) => {
    const server = serve(({ n }) => ({ status: n <= 64 && n % 5 !== 0 ? status : 200, delayMs: 100 + n }))
    const events: CallEvent[] = []
    const { fetch } = gated({ limit: 64 }, server, { onEvent: (event) => events.push(event) })
    await outcomes(throwIn(fetch, 200))
    const halved = events.filter((event) => event.type === 'limit' && event.reason === 'overloaded')
    expect(halved).toMatchObject([{ previous: 64, limit: 32 }])
  })

  test('a few are left to the backoff: the limit stays', async () => {
    const server = serve(({ n }) => ({ status: n % 5 === 0 ? 503 : 200, delayMs: 100 + (n % 16) }))
    const { gate, fetch } = gated({ limit: 16 }, server)
    await outcomes(throwIn(fetch, 200))
    expect(gate.stats(KEY).limit).toBe(16)
    expect(server.most()).toBe(16)
  })
})

describe('12. a call that comes back to a server that has only failed since is spread, from the second time on', () => {
  const comeBack = (script: readonly ScriptEntry[], pipeline: CreateFetchOptions = {}, times = 2) => {
    const server = timed(respond(...script))
    const gate = concurrencyGate()
    return { server, gate, fetch: createFetch([again(times), gate], { ...pipeline, fetch: server }) }
  }

  test.each([500, 503, 408])('on time, and then over 1.25 times the length of the outage: %d', async (status) => {
    const draw = vi.spyOn(Math, 'random')
    const back: number[][] = []
    for (const chance of [0, 0.5, 1]) {
      draw.mockReturnValue(chance)
      const { server, fetch } = comeBack([status, status, 200])
      await settled(fetch(TARGET))
      back.push(server.times)
    }
    expect(back).toEqual([
      [0, 1000, 2000],
      [0, 1000, 2625],
      [0, 1000, 3250],
    ])
  })

  test('a fourth of that for each further retry', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, fetch } = comeBack([503, 503, 503, 200], {}, 3)
    await settled(fetch(TARGET))
    // 1000 ms after an outage of 3250, and a fourth of 1.25 times that.
    expect(server.times.at(-1)).toBe(Math.floor(3250 + 1000 + (1.25 * 3250) / 4))
    expect(server.times.slice(0, 3)).toEqual([0, 1000, 3250])
  })

  test('two hundred clients that lost the same server in one moment do not all come back in one', async () => {
    const server = serve(({ n }) => ({ status: n <= 400 ? 503 : 200 }))
    const clients = Array.from({ length: 200 }, () => createFetch([again(2), concurrencyGate()], { fetch: server }))
    await outcomes(clients.map((fetch) => fetch(TARGET)))
    const tenths = Map.groupBy(server.times.slice(400), (at) => Math.floor(at / 100))
    expect(server.times).toHaveLength(600)
    // Evenly spread it would be 16 in each 100 ms.
    expect(Math.max(...[...tenths.values()].map(({ length }) => length))).toBeLessThanOrEqual(30)
  })

  test('it holds no slot meanwhile, and the time counts as queue', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const events: CallEvent[] = []
    const { gate, fetch } = comeBack([503, 503, 200], { onEvent: (event) => events.push(event) })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(3000)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    await vi.advanceTimersByTimeAsync(250)
    expect(call.outcome).toHaveProperty('value.status', 200)
    expect(events.findLast((event) => event.type === 'attempt')).toMatchObject({ queueMs: 1250, backoffMs: 1000 })
  })

  test('others are not held by it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, fetch } = comeBack([503, 503, 200, 200])
    const call = fetch(TARGET)
    await vi.advanceTimersByTimeAsync(2500)
    expect((await fetch(TARGET)).status).toBe(200)
    await settled(call)
    expect(server.times).toEqual([0, 1000, 2500, 3250])
  })

  test('not at all if somebody was served meanwhile', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, fetch } = comeBack([503, 503, 200, 200])
    const call = fetch(TARGET)
    await vi.advanceTimersByTimeAsync(1500)
    await fetch(TARGET)
    await settled(call)
    expect(server.times).toEqual([0, 1000, 1500, 2000])
  })

  test('a failure of another time does not count: ten seconds without one, and it begins anew', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, gate, fetch } = comeBack([500, 503, 503, 200])
    await createFetch([gate], { fetch: server })(TARGET)
    await vi.advanceTimersByTimeAsync(3_600_000)
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 3_600_000, 3_601_000, 3_603_250])
  })

  test('a spread that does not fit into the deadline is not begun', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, fetch } = comeBack([503, 503, 200], { timeoutMs: 3000 })
    expect((await settled(fetch(TARGET))).status).toBe(200)
    expect(server.times).toEqual([0, 1000, 2000])
  })

  test('an abort ends it at once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { server, gate, fetch } = comeBack([503, 503])
    expect(await abortAfter(2500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(server.times).toHaveLength(2)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })
})

describe('13. a 429 without a word from a server that failed before is asked again, step by step', () => {
  const setOut = (script: readonly ScriptEntry[], times?: number) => {
    const server = timed(respond(...script))
    const counted: number[] = []
    const note = middleware('note', async (request, next, call) => {
      const response = await next(request)
      counted.push(call.counted)
      return response
    })
    return { server, counted, fetch: createFetch([again(times), concurrencyGate(), note], { fetch: server }) }
  }

  test('also a call that is alone: after pauses of a tenth of the time since the first failure', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { server, fetch } = setOut([503, { ...SILENT, times: 4 }, 200])
    expect((await settled(fetch(TARGET))).status).toBe(200)
    // Each pause is a tenth of what was before, and timers are whole.
    expect(server.times).toEqual([0, 1000, 1100, 1210, 1331, 1465])
  })

  test('its refusals do not count', async () => {
    const { counted, fetch } = setOut([503, { ...SILENT, times: 4 }, 200])
    await settled(fetch(TARGET))
    expect(counted).toEqual([1, 2, 2, 2, 2, 2])
  })

  test('20 for a call at most, however often it is sent again outside', async () => {
    const { server, counted, fetch } = setOut([503, { ...SILENT, times: Infinity }], 3)
    expect((await settled(fetch(TARGET))).status).toBe(429)
    // Four that count, and twenty that do not.
    expect(server.times).toHaveLength(24)
    expect(counted.at(-1)).toBe(4)
  })

  test('a failure of another time is none: it is left to the backoff', async () => {
    const { server, fetch } = setOut([503, SILENT, SILENT], 0)
    await fetch(TARGET)
    await vi.advanceTimersByTimeAsync(10_001)
    expect((await fetch(TARGET)).status).toBe(429)
    // As any other that is alone, it is sent again at once, once.
    expect(server.times).toEqual([0, 10_001, 10_001])
  })

  test('an abort ends the pause', async () => {
    const { fetch } = setOut([503, { ...SILENT, times: Infinity }])
    expect(await abortAfter(3000, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })
})

describe('14. a refusal does not count where somebody else was served since the call was first sent', () => {
  /** Sends what the caller gave, and tells what each attempt counted as. */
  const counting = (server: Fetch, pipeline: CreateFetchOptions = {}, maxAttempts?: number) => {
    const counts: number[] = []
    const note = middleware('note', async (request, next, call) => {
      if (maxAttempts !== undefined) call.maxAttempts = maxAttempts
      const response = await next(request)
      if (new URL(request.url).pathname === '/refused') counts.push(call.attempt, call.counted)
      return response
    })
    return { counts, fetch: createFetch([note, concurrencyGate()], { ...pipeline, fetch: server }) }
  }
  /** A server that refuses the first requests of one call, each after so long, and serves the others after 100 ms. */
  const refusing = (refusal: ScriptedAnswer, refuseMs: number, times = 1): Fetch => {
    let refused = 0
    return async (input, init) => {
      const ours = new URL(urlOf(input)).pathname === '/refused'
      if (ours && refused++ < times) return respond({ ...refusal, delayMs: refuseMs })(input, init)
      return respond({ delayMs: 100 })(input, init)
    }
  }

  test.each([
    ['concurrency', TOO_MANY],
    ['silent', SILENT],
  ])('%s', async (_, refusal) => {
    const count = async (refuseMs: number): Promise<number[]> => {
      const { counts, fetch } = counting(refusing(refusal, refuseMs))
      await outcomes([fetch(`${KEY}/refused`), fetch(`${KEY}/other`), fetch(`${KEY}/other`)])
      return counts
    }
    expect(await count(150)).toEqual([2, 1])
    expect(await count(50)).toEqual([2, 2])
  })

  test('nor long after that: only for ten seconds', async () => {
    const after = async (ms: number): Promise<number[]> => {
      const { counts, fetch } = counting(refusing(TOO_MANY, ms))
      await outcomes([fetch(`${KEY}/refused`), fetch(`${KEY}/other`)])
      return counts
    }
    expect(await after(10_099)).toEqual([2, 1])
    expect(await after(10_100)).toEqual([2, 2])
  })

  test('others keep the server full: it is tried again after 150, 450 and 1350 ms, and then its answer is returned, unread', async () => {
    const { server, fetch } = setup([{ ...TOO_MANY, times: Infinity }])
    const response = await settled(fetch(TARGET))
    expect(response.status).toBe(429)
    expect(await response.json()).toEqual(TOO_MANY.body)
    expect(server.times).toEqual([0, 150, 600, 1950])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a header says so of a server that has served us in the last ten seconds: that does not count', async () => {
    const named = { ...TOO_MANY, headers: { 'x-concurrent-threads': '1', 'x-concurrent-threads-active': '1' } }
    const { server, fetch } = setup([200, { ...named, times: 6 }, 200])
    await settled(fetch(TARGET))
    expect((await settled(fetch(TARGET))).status).toBe(200)
    expect(server.times).toHaveLength(8)
    const forEver = setup([200, { ...named, times: Infinity }])
    await settled(forEver.fetch(TARGET))
    expect((await settled(forEver.fetch(TARGET))).status).toBe(429)
    // Ten seconds, and then what counts, behind the pauses of the key.
    expect(forEver.server.times.at(-1)).toBeGreaterThan(10_000)
    expect(forEver.server.times.at(-1)).toBeLessThan(60_000)
  })

  test('as often as the call may be sent', async () => {
    const { counts, fetch } = counting(refusing(TOO_MANY, 1, Infinity), {}, 2)
    expect((await settled(fetch(`${KEY}/refused`))).status).toBe(429)
    expect(counts).toEqual([2, 2])
  })

  test('nor where the server is just coming back from an outage, for a call that has met it', async () => {
    let failed = 0
    const server: Fetch = async (input, init) => {
      const met = new URL(urlOf(input)).pathname !== '/refused'
      if (met && failed++ < 1) return respond(503)(input, init)
      return respond(failed < 4 ? SILENT : 200)(input, init)
    }
    const counts: Record<string, [number, number][]> = { '/met': [], '/refused': [] }
    const note = middleware('note', async (request, next, call) => {
      const response = await next(request)
      counts[new URL(request.url).pathname]!.push([call.attempt, call.counted])
      return response
    })
    const fetch = createFetch([again(), concurrencyGate(), note], { fetch: server })
    const call = fetch(`${KEY}/met`)
    await vi.advanceTimersByTimeAsync(900)
    await outcomes([call, fetch(`${KEY}/refused`)])
    expect(counts['/met']).toEqual([
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 2],
    ])
    expect(counts['/refused']!.length).toBeGreaterThan(1)
    for (const [attempt, counted] of counts['/refused']!) expect(counted).toBe(attempt)
  })

  test('an abort ends that wait', async () => {
    const { gate, fetch } = setup([{ ...TOO_MANY, times: Infinity }])
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test('what the server may have carried out is not repeated', async () => {
    const full = { status: 503, body: TOO_MANY.body }
    const { server, fetch } = setup([full, full, 200])
    expect((await settled(fetch(TARGET, { method: 'POST', body: 'x' }))).status).toBe(503)
    expect(server.times).toHaveLength(1)
    expect((await settled(fetch(TARGET))).status).toBe(200)
    expect(server.times).toHaveLength(3)
  })

  test('nor what only prose calls a refusal, in an answer to something else; and nobody pauses for it', async () => {
    const { server, gate, fetch } = setup([{ status: 409, body: TOO_MANY.body, times: 10 }])
    for (const one of await outcomes(throwIn(fetch, 10))) expect(one).toHaveProperty('value.status', 409)
    expect(server.times.every((at) => at === 0)).toBe(true)
    expect(gate.stats(KEY).limit).toBeGreaterThanOrEqual(4)
  })
})

describe('15. a number as limit is kept as a ceiling', () => {
  test('however well it goes', async () => {
    const server = serve(() => ({ delayMs: 10 }))
    const { gate, fetch } = gated({ limit: 7 }, server)
    await outcomes(throwIn(fetch, 300))
    expect(server.most()).toBe(7)
    expect(gate.stats(KEY).limit).toBe(7)
  })

  test('a server that allows more does not change it; one that allows less does', async () => {
    const more = serve(({ inFlight }) => ({ delayMs: 10, headers: ceiling(50, inFlight) }))
    await outcomes(throwIn(gated({ limit: 3 }, more).fetch, 60))
    expect(more.most()).toBe(3)
    const less = serve(({ inFlight }) => ({ delayMs: 10, headers: ceiling(2, inFlight) }))
    const { gate, fetch } = gated({ limit: 3 }, less)
    await outcomes(throwIn(fetch, 60))
    expect(gate.stats(KEY).limit).toBe(2)
  })

  test('overload lowers it for a while', async () => {
    const events: CallEvent[] = []
    const server = serve(({ n }) => ({ status: n > 8 && n <= 12 ? 503 : 200, delayMs: 10 }))
    const { gate, fetch } = gated({ limit: 8 }, server, { onEvent: (event) => events.push(event) })
    await outcomes(throwIn(fetch, 200))
    expect(events.find((event) => event.type === 'limit')).toMatchObject({ previous: 8, limit: 4 })
    expect(gate.stats(KEY).limit).toBe(8)
    expect(server.most()).toBe(8)
  })
})

describe('16. a full queue and a long wait fail before anything is sent', () => {
  test('QueueFullError', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const { gate, fetch } = gated({ limit: 1, maxQueue: 2 }, server)
    const calls = throwIn(fetch, 4)
    const [, , , fourth] = calls.map(watch)
    await flush()
    expect(fourth?.outcome).toEqual({ error: expect.any(QueueFullError) })
    expect(fourth?.outcome).toMatchObject({ error: { name: 'QueueFullError', key: KEY, maxQueue: 2 } })
    expect(fourth?.outcome).not.toEqual({ error: expect.any(TypeError) })
    expect(gate.stats(KEY).queued).toBe(2)
    await outcomes(calls)
    expect(server.paths).toEqual(numbers(3))
  })

  test('maxQueue 0: a slot at once, or none', async () => {
    const { fetch } = setup([{ delayMs: 100, times: Infinity }], { limit: 1, maxQueue: 0 })
    const results = await outcomes(throwIn(fetch, 2))
    expect(results.map((one) => 'value' in one)).toEqual([true, false])
    expect((await settled(fetch(TARGET))).status).toBe(200)
  })

  test('a refused call comes back even if the queue is full', async () => {
    const server = serve(({ inFlight }) => (inFlight > 1 ? { ...TOO_MANY, delayMs: 10 } : { delayMs: 100 }))
    const { fetch } = gated({ limit: 2, maxQueue: 1 }, server)
    const results = await outcomes(throwIn(fetch, 3))
    expect(results.every((one) => 'value' in one && one.value.status === 200)).toBe(true)
  })

  test.each([{ maxQueue: 0 }, { queueTimeoutMs: 300 }])(
    'with %j, of a call that the backoff sends again the last answer stands',
    async (options) => {
      const server = serve(({ n }) => (n === 1 ? { status: 500 } : { delayMs: 5000 }))
      const gate = concurrencyGate({ limit: 1, ...options })
      const fetch = createFetch([backoffJitter({ jitter: 'none' }), gate, classify()], { fetch: server })
      const failed = watch(fetch(TARGET))
      await vi.advanceTimersByTimeAsync(500)
      const long = fetch(TARGET)
      await vi.advanceTimersByTimeAsync(1000)
      expect(failed.outcome).toHaveProperty('value.status', 500)
      expect(gate.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 0 })
      await outcomes([long])
      expect(server.times).toHaveLength(2)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('QueueTimeoutError', async () => {
    const server = serve(() => ({ delayMs: 1000 }))
    const { gate, fetch } = gated({ limit: 1, queueTimeoutMs: 300 }, server)
    const [first, second] = throwIn(fetch, 2).map(watch)
    await vi.advanceTimersByTimeAsync(299)
    expect(second?.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(second?.outcome).toEqual({ error: expect.any(QueueTimeoutError) })
    expect(second?.outcome).toMatchObject({ error: { name: 'QueueTimeoutError', key: KEY, queueTimeoutMs: 300 } })
    expect(gate.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 0 })
    await vi.advanceTimersByTimeAsync(700)
    expect(first?.outcome).toHaveProperty('value')
    expect(server.paths).toEqual(['0'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a call that got its slot in time is not timed any more', async () => {
    const { fetch } = setup([{ delayMs: 200 }, { delayMs: 5000 }], { limit: 1, queueTimeoutMs: 300 })
    const results = await outcomes(throwIn(fetch, 2))
    expect(results.every((one) => 'value' in one)).toBe(true)
  })

  test('the deadline of the call ends the wait, too', async () => {
    const { gate, fetch } = setup([{ delayMs: 900 }], { limit: 1 }, { timeoutMs: 1000 })
    const first = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(500)
    const slow = setup([{ delayMs: 5000, times: Infinity }], { limit: 1 }, { timeoutMs: 1000 })
    const calls = throwIn(slow.fetch, 2).map(watch)
    await vi.advanceTimersByTimeAsync(1000)
    for (const { outcome } of calls) expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(slow.gate.stats()).toMatchObject({ active: 0, queued: 0 })
    expect(first.outcome).toHaveProperty('value')
    expect(gate.stats()).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('16. a call that was sent once waits in line for no longer than it may', () => {
  /** The second of two calls is refused while the first one takes its time. */
  const refused = async (body: string, options: ConcurrencyGateOptions = {}, maxTotalWaitMs = 1000) => {
    const script = [{ delayMs: 60_000 }, { status: 429, body }, 200]
    const { server, gate, fetch } = setup(script, { limit: 2, ...options }, { maxTotalWaitMs })
    const [first, second] = throwIn(fetch, 2).map(watch)
    await vi.advanceTimersByTimeAsync(maxTotalWaitMs - 1)
    expect(second!.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(gate.stats(KEY)).toMatchObject({ active: 1, queued: 0 })
    expect(server.times).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(first!.outcome).toHaveProperty('value.status', 200)
    expect(vi.getTimerCount()).toBe(0)
    return second!.outcome!
  }

  test('then its last answer is returned, to be read', async () => {
    const outcome = await refused('Too many concurrent requests.')
    expect(outcome).toHaveProperty('value.status', 429)
    expect(await (outcome as { value: Response }).value.text()).toBe('Too many concurrent requests.')
  })

  test('if that was not read to its end, it fails with a TimeoutError', async () => {
    const outcome = await refused(`Too many concurrent requests.${' '.repeat(100_000)}`)
    expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(outcome).toHaveProperty('error.message', 'The call has waited for as long as maxTotalWaitMs allows')
  })

  test('nor does it wait for longer behind others, while the server does nothing but refuse or fail: then it is sent', async () => {
    for (const bad of [SILENT, { status: 500 }]) {
      const server = serve(() => ({ ...bad, delayMs: 10 }))
      const { fetch } = gated({}, server, { maxTotalWaitMs: 5000 })
      const began = performance.now()
      const results = await outcomes(throwIn(fetch, 50))
      expect(performance.now() - began).toBeLessThanOrEqual(5000 + 2 * 10)
      for (const one of results) expect(one).toHaveProperty('value.ok', false)
      expect(new Set(server.paths).size).toBe(50)
    }
  })

  test('what it waits before it is sent does not count', async () => {
    const { fetch } = setup([{ delayMs: 5000 }, 200], { limit: 1 }, { maxTotalWaitMs: 1000 })
    for (const one of await outcomes(throwIn(fetch, 2))) expect(one).toHaveProperty('value.status', 200)
  })

  test('all that it waits afterwards does', async () => {
    const server = serve(() => ({ ...TOO_MANY, delayMs: 1 }))
    const { fetch } = gated({}, server, { maxTotalWaitMs: 500 })
    expect((await settled(fetch(TARGET))).status).toBe(429)
    // After 150 ms, and then not after 450 more.
    expect(server.times).toEqual([0, 151])
  })
})

describe('17. a slot is free again at the headers; for streams when the body has ended', () => {
  const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' }
  const stream = (headers: Record<string, string> = EVENTS): ScriptedAnswer => ({ headers, body: 'data: 1\n\n' })
  const isFree = async (gate: ReturnType<typeof concurrencyGate>): Promise<boolean> => {
    await flush()
    return gate.stats(KEY).active === 0
  }

  test('at the headers of any other answer, read or not', async () => {
    const { gate, fetch } = setup([200], { limit: 1 })
    const response = await fetch(TARGET)
    expect(await isFree(gate)).toBe(true)
    expect(response.bodyUsed).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    'text/event-stream',
    'application/x-ndjson',
    'application/ndjson',
    'application/jsonl',
    'application/stream+json',
  ])('%s: when it is read', async (type) => {
    const { gate, fetch } = setup([stream({ 'content-type': type }), 200], { limit: 1 })
    const response = await fetch(TARGET)
    const second = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(1000)
    expect(second.outcome).toBeUndefined()
    expect(await response.text()).toBe('data: 1\n\n')
    await flush()
    expect(second.outcome).toHaveProperty('value')
    expect(await isFree(gate)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('when it is cancelled', async () => {
    const { server, gate, fetch } = setup([stream()], { limit: 1 })
    const response = await fetch(TARGET)
    expect(await isFree(gate)).toBe(false)
    await response.body?.cancel()
    expect(await isFree(gate)).toBe(true)
    expect(server.inner.responses[0]?.bodyState).toBe('cancelled')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('when it breaks, with the error it broke with', async () => {
    const broken = new TypeError('terminated')
    const body = new ReadableStream({
      pull: () => Promise.reject(broken),
    })
    const { gate, fetch } = setup([new Response(body, { headers: EVENTS })], { limit: 1 })
    const response = await fetch(TARGET)
    await expect(response.text()).rejects.toBe(broken)
    expect(await isFree(gate)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('when nobody read it for 5 s; it can still be read then', async () => {
    const { gate, fetch } = setup([stream()], { limit: 1 })
    const response = await fetch(TARGET)
    await vi.advanceTimersByTimeAsync(4999)
    expect(gate.stats(KEY).active).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await isFree(gate)).toBe(true)
    expect(await response.text()).toBe('data: 1\n\n')
    expect(await isFree(gate)).toBe(true)
  })

  test('chunk by chunk, as they come: it is not read ahead', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          controller.enqueue(new TextEncoder().encode(String(pulled++)))
          if (pulled === 3) controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const { fetch, gate } = setup([new Response(body, { headers: EVENTS })], { limit: 1 })
    const response = await fetch(TARGET)
    await flush()
    expect(pulled).toBe(0)
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('0')
    expect(pulled).toBe(1)
    await reader.read()
    await reader.read()
    expect((await reader.read()).done).toBe(true)
    expect(await isFree(gate)).toBe(true)
  })

  describe('open streams', () => {
    /** A body that goes on, and is read, until it is cancelled. */
    const open = (): Response =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull: (controller) =>
            new Promise((resolve) => {
              const next = (): void => {
                try {
                  controller.enqueue(new Uint8Array(1))
                } catch {
                  // Cancelled meanwhile.
                }
                resolve()
              }
              setTimeout(next, 1000)
            }),
        }),
        { headers: EVENTS },
      )
    /** Begins so many streams, and reads them. Returns how to end them. */
    const begin = async (fetch: Fetch, count: number): Promise<() => Promise<void>> => {
      const readers: ReadableStreamDefaultReader<Uint8Array>[] = []
      for (let i = 0; i < count; i++) {
        const reader = (await settled(fetch(`${KEY}/stream`))).body!.getReader()
        const read = async (): Promise<void> => {
          while (!(await reader.read()).done);
        }
        void read()
        readers.push(reader)
      }
      return async () => {
        await Promise.all(readers.map((reader) => reader.cancel()))
        await flush()
      }
    }
    /** Streams, and other answers in their order. */
    const streaming = (...script: ScriptEntry[]) => {
      const others = timed(respond(...script))
      const fetch: Fetch = async (input, init) => (urlOf(input).endsWith('/stream') ? open() : others(input, init))
      return Object.assign(fetch, { others })
    }

    test('leave room for one other call, however many there are', async () => {
      const server = streaming({ times: Infinity, delayMs: 10 })
      const { gate, fetch } = gated({}, server)
      const end = await begin(fetch, 20)
      expect(gate.stats(KEY).active).toBe(20)
      const call = watch(fetch(TARGET))
      await vi.advanceTimersByTimeAsync(10)
      expect(call.outcome).toHaveProperty('value.status', 200)
      await end()
      expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    })

    test('unless the server announces its ceiling, and that is reached', async () => {
      const server = streaming({ headers: ceiling(2, 1) }, 200)
      const { fetch } = gated({}, server)
      await fetch(TARGET)
      const end = await begin(fetch, 2)
      const call = watch(fetch(TARGET))
      await vi.advanceTimersByTimeAsync(5000)
      expect(call.outcome).toBeUndefined()
      await end()
      expect(call.outcome).toHaveProperty('value.status', 200)
    })

    test('are not others, where the server counts them', async () => {
      const server = streaming({ headers: ceiling(10, 1) }, { headers: ceiling(10, 3) })
      const { gate, fetch } = gated({}, server)
      await fetch(TARGET)
      const end = await begin(fetch, 2)
      await fetch(TARGET)
      expect(gate.stats(KEY).limit).toBe(10)
      await end()
    })

    test.each([
      ['five failures in a row', { status: 500, times: 5 }, 5],
      ['a silent refusal', SILENT, 1],
      ['a refusal for too many in flight', TOO_MANY, 1],
    ])('keep no probe from going out: %s', async (_, bad, calls) => {
      const server = streaming(bad, { times: Infinity })
      const { fetch } = gated({}, server)
      const end = await begin(fetch, 3)
      for (let i = 0; i < calls; i++) await settled(fetch(TARGET))
      const call = watch(fetch(TARGET))
      await vi.advanceTimersByTimeAsync(1000)
      expect(call.outcome).toHaveProperty('value.status', 200)
      await end()
    })

    test('do not count in what a refusal measures', async () => {
      const server = streaming({ delayMs: 100 }, { delayMs: 100 }, { ...TOO_MANY, delayMs: 10 }, { times: Infinity })
      const { gate, fetch } = gated({}, server)
      const end = await begin(fetch, 3)
      // By then slow start has come to more than the streams.
      await vi.advanceTimersByTimeAsync(200)
      const calls = Array.from({ length: 3 }, () => fetch(TARGET))
      calls.forEach(watch)
      await vi.advanceTimersByTimeAsync(90)
      expect(server.others.times).toHaveLength(3)
      expect(gate.stats(KEY).limit).toBe(2)
      await vi.advanceTimersByTimeAsync(100)
      for (const one of await Promise.all(calls)) expect(one.status).toBe(200)
      await end()
    })
  })

  test("slotUntil 'headers': streams, too", async () => {
    const { gate, fetch } = setup([stream()], { limit: 1, slotUntil: 'headers' })
    await fetch(TARGET)
    expect(await isFree(gate)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test("slotUntil 'body': every answer", async () => {
    const { gate, fetch } = setup([200], { limit: 1, slotUntil: 'body' })
    const response = await fetch(TARGET)
    expect(await isFree(gate)).toBe(false)
    expect(await response.json()).toEqual({ status: 200 })
    expect(await isFree(gate)).toBe(true)
  })

  test.each([204, 304])("slotUntil 'body': %d has none", async (status) => {
    const { gate, fetch } = setup([status], { limit: 1, slotUntil: 'body' })
    expect((await fetch(TARGET)).status).toBe(status)
    expect(await isFree(gate)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('where nothing has to be watched, the very Response comes back', async () => {
    const given = new Response('{}', { headers: { 'content-type': 'application/json' } })
    const { fetch } = setup([given])
    expect(await fetch(TARGET)).toBe(given)
  })

  test('where something has, it shows what the first showed', async () => {
    const given = new Response('data', { status: 201, statusText: 'Made', headers: { ...EVENTS, 'x-a': '1' } })
    Object.defineProperties(given, {
      url: { value: `${TARGET}?moved` },
      redirected: { value: true },
      type: { value: 'basic' },
    })
    const { fetch } = setup([given])
    const response = await fetch(TARGET)
    const { status, statusText, url, redirected, type, ok } = response
    expect({ status, statusText, url, redirected, type, ok }).toEqual({
      status: 201,
      statusText: 'Made',
      url: `${TARGET}?moved`,
      redirected: true,
      type: 'basic',
      ok: true,
    })
    expect([...response.headers]).toEqual([...given.headers])
  })

  test('its verdict is the one that was reached inside', async () => {
    const gate = concurrencyGate({ slotUntil: 'body' })
    const fetch = createFetch([gate, classify({ lookups: '/v1/lookup/:ip' })], { fetch: respond(404) })
    const response = await fetch(`${KEY}/v1/lookup/192.0.2.1`)
    expect(verdictOf(response).kind).toBe('empty')
  })
})

describe('18. an abort while waiting rejects at once, and leaves no entry, timer or listener', () => {
  test('in the queue', async () => {
    const { gate, fetch } = setup([{ delayMs: 100 }], { limit: 1, queueTimeoutMs: 10_000 })
    const busy = new AbortController()
    const first = watch(fetch(TARGET, { signal: busy.signal }))
    const second = new AbortController()
    const waiting = watch(fetch(TARGET, { signal: second.signal }))
    await vi.advanceTimersByTimeAsync(50)
    second.abort('enough')
    await flush()
    expect(waiting.outcome).toEqual({ error: 'enough' })
    expect(gate.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 0 })
    expect(listeners(second.signal)).toBe(0)
    await vi.advanceTimersByTimeAsync(50)
    expect(first.outcome).toHaveProperty('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('during a pause', async () => {
    const { gate, fetch } = setup([SILENT, SILENT])
    await fetch(TARGET)
    expect(await abortAfter(10, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test('after a refusal', async () => {
    const { gate, fetch } = setup([TOO_MANY])
    expect(await abortAfter(10, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test('in flight', async () => {
    const { gate, fetch } = setup([{ delayMs: 1000 }])
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test('an aborted signal: nothing is sent', async () => {
    const { server, gate, fetch } = setup([200])
    await expect(fetch(TARGET, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(server.times).toEqual([])
    expect(gate.stats()).toMatchObject({ active: 0, queued: 0 })
  })

  test('those behind move up', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const { fetch } = gated({ limit: 1 }, server)
    const controller = new AbortController()
    const calls = [fetch(`${KEY}/a`), fetch(`${KEY}/b`, { signal: controller.signal }), fetch(`${KEY}/c`)]
    calls.forEach(watch)
    controller.abort()
    await outcomes(calls)
    expect(server.paths).toEqual(['a', 'c'])
    expect(server.times).toEqual([0, 100])
  })

  test('ten thousand of them', async () => {
    const { gate, fetch } = setup([{ delayMs: 100 }], { limit: 1, queueTimeoutMs: 60_000 })
    const first = watch(fetch(TARGET))
    const controllers = Array.from({ length: 10_000 }, () => new AbortController())
    const calls = controllers.map(({ signal }) => watch(fetch(TARGET, { signal })))
    await flush()
    expect(gate.stats(KEY).queued).toBe(10_000)
    const began = process.threadCpuUsage()
    for (const controller of controllers) controller.abort('all')
    await flush()
    const { user, system } = process.threadCpuUsage(began)
    // In microseconds; a queue that is searched for each would take minutes.
    expect(user + system).toBeLessThan(1_000_000)
    expect(Math.max(...controllers.map(({ signal }) => listeners(signal)))).toBe(0)
    expect(calls.every(({ outcome }) => outcome && 'error' in outcome && outcome.error === 'all')).toBe(true)
    expect(gate.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 0 })
    // The answer that is still to come.
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(100)
    expect(first.outcome).toHaveProperty('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a thousand with one signal', async () => {
    const { gate, fetch } = setup([{ delayMs: 100 }], { limit: 1 })
    const first = watch(fetch(TARGET))
    const controller = new AbortController()
    const calls = throwIn((url) => fetch(url, { signal: controller.signal }), 1000).map(watch)
    await flush()
    expect(gate.stats(KEY).queued).toBe(1000)
    controller.abort('all')
    await flush()
    expect(calls.every(({ outcome }) => outcome && 'error' in outcome && outcome.error === 'all')).toBe(true)
    expect(gate.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 0 })
    expect(listeners(controller.signal)).toBe(0)
    await vi.advanceTimersByTimeAsync(100)
    expect(first.outcome).toHaveProperty('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a call that ends well leaves no listener of ours', async () => {
    const { fetch } = setup([{ delayMs: 10, times: Infinity }], { limit: 1, queueTimeoutMs: 10_000 })
    const { signal } = new AbortController()
    await outcomes([fetch(TARGET, { signal }), fetch(TARGET, { signal }), fetch(TARGET, { signal })])
    expect(listeners(signal)).toBeLessThanOrEqual(3 * (await platformListeners()))
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('19. stats(key?) shows limit, active and queued calls', () => {
  test('of a key, of all, of an unknown one', async () => {
    const { gate, fetch } = setup([{ delayMs: 100, times: Infinity }], { limit: 2 })
    expect(gate.stats()).toEqual({ limit: 0, active: 0, queued: 0 })
    const calls = [...throwIn(fetch, 3), fetch('https://other.test/')]
    expect(gate.stats(KEY)).toEqual({ limit: 2, active: 2, queued: 1 })
    expect(gate.stats('https://other.test')).toEqual({ limit: 2, active: 1, queued: 0 })
    expect(gate.stats()).toEqual({ limit: 4, active: 3, queued: 1 })
    expect(gate.stats('nobody')).toEqual({ limit: 0, active: 0, queued: 0 })
    await outcomes(calls)
    expect(gate.stats()).toEqual({ limit: 4, active: 0, queued: 0 })
  })

  test('idle keys are forgotten, those in use are not', async () => {
    const { gate, fetch } = setup([{ delayMs: 100 }, { times: Infinity }])
    const busy = watch(fetch(TARGET))
    for (let i = 0; i < 4000; i++) await fetch(`https://host-${i}.test/`)
    expect(gate.stats().limit).toBeLessThanOrEqual(4 * 1001)
    expect(gate.stats(KEY)).toEqual({ limit: 4, active: 1, queued: 0 })
    await vi.advanceTimersByTimeAsync(100)
    expect(busy.outcome).toHaveProperty('value')
    expect(gate.stats(KEY).active).toBe(0)
  })
})

describe('20. each concurrencyGate() has a state of its own', () => {
  test('slots and pauses', async () => {
    const one = setup([SILENT, 200], { limit: 1 })
    const other = setup([200], { limit: 1 })
    await one.fetch(TARGET)
    expect(one.gate.stats(KEY).limit).toBe(1)
    expect((await other.fetch(TARGET)).status).toBe(200)
    expect(other.server.times).toEqual([0])
  })

  test('one in two pipelines has one state', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const shared = concurrencyGate({ limit: 1 })
    const [a, b] = [createFetch([shared], { fetch: server }), createFetch([shared], { fetch: server })]
    await outcomes([a(TARGET), b(TARGET)])
    expect(server.most()).toBe(1)
  })
})

describe('bare, without a pipeline', () => {
  test('it queues', async () => {
    const server = serve(() => ({ delayMs: 100 }))
    const bare = concurrencyGate({ limit: 1 })
    const calls = [0, 1, 2].map((i) => bare(new Request(`${KEY}/${i}`), server))
    expect(bare.stats(KEY)).toEqual({ limit: 1, active: 1, queued: 2 })
    await outcomes(calls)
    expect(server.times).toEqual([0, 100, 200])
  })

  test('an abort ends its wait', async () => {
    const bare = concurrencyGate()
    const next = respond(SILENT, SILENT)
    await bare(new Request(TARGET), next)
    expect(await abortAfter(10, (signal) => bare(new Request(TARGET, { signal }), next))).toEqual(CLEAN)
  })
})

describe('options that make no sense', () => {
  test.each([
    [{ limit: 0 }, "concurrencyGate: limit must be 'auto' or a whole number, 1 or more, got 0"],
    [{ limit: 1.5 }, "concurrencyGate: limit must be 'auto' or a whole number, 1 or more, got 1.5"],
    [{ limit: NaN }, "concurrencyGate: limit must be 'auto' or a whole number, 1 or more, got NaN"],
    [{ maxQueue: -1 }, 'concurrencyGate: maxQueue must be a number of calls, 0 or more, got -1'],
    [{ maxQueue: NaN }, 'concurrencyGate: maxQueue must be a number of calls, 0 or more, got NaN'],
    [
      { queueTimeoutMs: 0 },
      'concurrencyGate: queueTimeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got 0',
    ],
    [
      { queueTimeoutMs: 2 ** 31 },
      'concurrencyGate: queueTimeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got 2147483648',
    ],
    [
      { queueTimeoutMs: NaN },
      'concurrencyGate: queueTimeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got NaN',
    ],
  ])('%o', (options, message) => {
    expect(() => concurrencyGate(options)).toThrow(new RangeError(message))
  })

  test('a slotUntil nobody knows', () => {
    const options = { slotUntil: 'end' } as unknown as ConcurrencyGateOptions
    expect(() => concurrencyGate(options)).toThrow(
      new RangeError("concurrencyGate: slotUntil must be one of 'auto', 'headers', 'body', got 'end'"),
    )
  })

  test('undefined is the default', () => {
    const unset = { limit: undefined, maxQueue: undefined, queueTimeoutMs: undefined, slotUntil: undefined }
    expect(() => concurrencyGate(unset)).not.toThrow()
  })
})

test('whatever the answers: never more in flight than the fixed limit, in order, and every call settles', async () => {
  const answer = fc.constantFrom(
    'ok',
    'ok',
    'ok',
    '404',
    '429',
    'concurrency',
    '503',
    '500',
    'reset',
    'stream',
    'throw',
    'named',
  )
  const call = fc.record({
    answers: fc.array(fc.tuple(answer, fc.nat(300)), { minLength: 1, maxLength: 4 }),
    gapMs: fc.constantFrom(0, 0, 0, 50, 400),
    abortMs: fc.option(fc.nat(2000), { nil: undefined, freq: 4 }),
    read: fc.constantFrom('text', 'cancel'),
    readMs: fc.nat(2000),
  })
  const options = fc.record({
    limit: fc.integer({ min: 1, max: 5 }),
    maxQueue: fc.constantFrom(Infinity, Infinity, 3),
    queueTimeoutMs: fc.constantFrom(undefined, undefined, 1500),
  })
  await fc.assert(
    fc.asyncProperty(options, fc.array(call, { minLength: 1, maxLength: 25 }), async (given, calls) => {
      let inFlight = 0
      const sent = calls.map(() => 0)
      const first: number[] = []
      const streamOf = (): ReadableStream<Uint8Array> => {
        let open = true
        const end = (): void => {
          if (open) inFlight--
          open = false
        }
        inFlight++
        return new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              controller.enqueue(new Uint8Array([104, 105]))
              end()
              controller.close()
            },
            cancel: end,
          },
          { highWaterMark: 0 },
        )
      }
      const server: Fetch = async (input, init) => {
        const i = Number(new URL(urlOf(input)).pathname.slice(1))
        const n = sent[i]!++
        if (n === 0) first.push(i)
        const { answers } = calls[i]!
        const [kind, delayMs] = answers[n % answers.length]!
        if (++inFlight > given.limit) throw new Error(`${inFlight} in flight, the limit is ${given.limit}`)
        try {
          await respond({ delayMs })(TARGET, { signal: init?.signal ?? null })
          if (kind === 'reset') throw new TypeError('fetch failed')
          if (kind === 'throw') throw 'not an error'
          if (kind === 'concurrency') return await respond(TOO_MANY)(TARGET)
          if (kind === 'stream') return new Response(streamOf(), { headers: { 'content-type': 'text/event-stream' } })
          const headers = kind === 'named' ? ceiling(1 + (i % 7), inFlight) : {}
          return new Response('x', { status: Number(kind) || 200, headers })
        } finally {
          inFlight--
        }
      }
      const { gate, fetch } = gated(given, server)
      const ends: Promise<unknown>[] = []
      for (const [i, { gapMs, abortMs, read, readMs }] of calls.entries()) {
        const controller = new AbortController()
        if (abortMs !== undefined) setTimeout(() => controller.abort('mine'), abortMs)
        const use = async (): Promise<void> => {
          const response = await fetch(`${KEY}/${i}`, { signal: controller.signal })
          await new Promise((resolve) => void setTimeout(resolve, readMs))
          await (read === 'text' ? response.text() : response.body?.cancel())
        }
        const end = use()
        watch(end)
        ends.push(end)
        if (gapMs > 0) await vi.advanceTimersByTimeAsync(gapMs)
      }
      for (const outcome of await outcomes(ends)) {
        if ('error' in outcome)
          expect(String(outcome.error)).toMatch(
            /^(mine|not an error|TypeError: fetch failed|QueueFullError: .*|QueueTimeoutError: .*)$/,
          )
      }
      expect(first).toEqual(first.toSorted((a, b) => a - b))
      for (const count of sent) expect(count).toBeLessThanOrEqual(40)
      await vi.runAllTimersAsync()
      expect(gate.stats()).toMatchObject({ active: 0, queued: 0 })
      expect(inFlight).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }),
    { seed: 9, numRuns: 80 },
  )
})

describe("22. `whenDown: 'fail'` turns calls of what is down away at once", () => {
  /** Fails until then; answers take 10 ms. */
  const downUntil = (ms: number) => serve(({ atMs }) => ({ status: atMs < ms ? 500 : 200, delayMs: 10 }))
  const errorOf = (one: object): unknown => ('error' in one ? one.error : undefined)

  test('those that wait when it goes down, and those that come, but for the probe', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = downUntil(1000)
    const events: CallEvent[] = []
    const { gate, fetch } = gated({ limit: 1, whenDown: 'fail' }, server, { onEvent: (event) => events.push(event) })
    const waiting = throwIn(fetch, 10)
    const seen = await outcomes(waiting)
    expect(seen.map(errorOf).filter((error) => error instanceof BreakerOpenError)).toHaveLength(5)
    expect(seen.slice(0, 5).map((one) => 'value' in one && one.value.status)).toEqual(Array(5).fill(500))
    // The first probe is due 100 ms after the fifth failure.
    expect(errorOf(seen[9]!)).toMatchObject({ name: 'BreakerOpenError', key: KEY, probeMs: 100 })
    expect(Object.keys(errorOf(seen[9]!) as object)).not.toContain('key')
    const gaveUp = events.filter(({ type }) => type === 'give-up')
    expect(gaveUp).toHaveLength(5)
    expect(gaveUp[0]).toMatchObject({ by: 'concurrency-gate', attempt: 0 })
    expect(server.times).toEqual([0, 10, 20, 30, 40])
    await vi.advanceTimersByTimeAsync(100)
    // One probes; while its answer is awaited, others do not wait for it.
    const [probe, other] = await outcomes(throwIn(fetch, 2))
    expect(probe).toHaveProperty('value.status', 500)
    expect(errorOf(other!)).toBeInstanceOf(BreakerOpenError)
    expect(server.times).toHaveLength(6)
    expect(gate.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a probe that is served ends it', async () => {
    const server = downUntil(100)
    const { fetch } = gated({ limit: 1, whenDown: 'fail' }, server)
    await outcomes(throwIn(fetch, 6))
    await vi.advanceTimersByTimeAsync(1000)
    const after = await outcomes([...throwIn(fetch, 1)])
    expect(after[0]).toHaveProperty('value.status', 200)
    expect((await outcomes(throwIn(fetch, 8))).map((one) => 'value' in one)).toEqual(Array(8).fill(true))
  })

  test('an endpoint that is down is turned away, others are not', async () => {
    const server: Fetch = (input, init) =>
      respond({ status: urlOf(input).includes('down') ? 500 : 200, delayMs: 10 })(input, init)
    const { fetch } = gated({ whenDown: 'fail' }, server)
    for (let i = 0; i < 5; i++) await outcomes([fetch(`${KEY}/down`)])
    const [down, well] = await outcomes([fetch(`${KEY}/down`), fetch(`${KEY}/well`)])
    expect(errorOf(down!)).toBeInstanceOf(BreakerOpenError)
    expect(well).toHaveProperty('value.status', 200)
  })

  test('of a call that the backoff sends again, the last answer stands', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = timed(respond({ status: 500, times: Infinity }))
    const gate = concurrencyGate({ whenDown: 'fail' })
    const fetch = createFetch([backoffJitter({ baseMs: 10, jitter: 'none' }), gate, classify()], { fetch: server })
    const seen = await outcomes(Array.from({ length: 5 }, () => fetch(TARGET)))
    expect(seen.map((one) => 'value' in one && one.value.status)).toEqual(Array(5).fill(500))
    expect(server.times).toHaveLength(5)
  })

  test('where that was not kept, the error does not say that nothing was sent', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const server = timed(respond({ status: 500, times: Infinity }))
    const gate = concurrencyGate({ whenDown: 'fail' })
    const fetch = createFetch([backoffJitter({ baseMs: 10, jitter: 'none' }), gate], { fetch: server })
    const errors = (await outcomes(Array.from({ length: 5 }, () => fetch(TARGET)))).map(errorOf)
    expect(errors.map((error) => error instanceof BreakerOpenError && error.message)).toEqual(
      Array(5).fill('The server is down (its breaker is open): the call was not sent again'),
    )
    expect(server.times).toHaveLength(5)
  })

  test('by default they wait; what is neither is refused at creation', async () => {
    const server = downUntil(300)
    const { fetch } = gated({ limit: 1 }, server)
    const seen = await outcomes(throwIn(fetch, 10))
    expect(seen.every((one) => 'value' in one)).toBe(true)
    expect(() => concurrencyGate({ whenDown: 'failing' as never })).toThrow(/whenDown must be one of 'wait', 'fail'/)
  })
})
