import { classify } from '@aplomb/classify'
import { respond, type ScriptedAnswer } from '@aplomb/mock-api'
import { createFetch, type Fetch } from '@aplomb/pipeline'
import { expect, test, vi } from 'vitest'
import { flush, outcomes, settled, urlOf, useFakeTime, watch } from '../../aplomb/test/support/time.ts'
import { newBreaker } from '../src/breaker.ts'
import { newControl } from '../src/control.ts'
import { concurrencyGate } from '../src/index.ts'

useFakeTime()

const KEY = 'https://api.test'
const request = (path = 'x'): Request => new Request(`${KEY}/${path}`)
const TOO_MANY: ScriptedAnswer = { status: 429, body: { message: 'Too many concurrent requests.' } }

/** Answers by path. */
const server = (answer: (path: string, n: number) => ScriptedAnswer) => {
  const zero = performance.now()
  const sent: [string, number][] = []
  let inFlight = 0
  let most = 0
  const fetch: Fetch = async (input, init) => {
    const path = new URL(urlOf(input)).pathname.slice(1)
    sent.push([path, performance.now() - zero])
    most = Math.max(most, ++inFlight)
    try {
      return await respond(answer(path, sent.length))(input, init)
    } finally {
      inFlight--
    }
  }
  return Object.assign(fetch, { sent, most: () => most })
}

test('a time that the server names, below ten seconds, is waited for just so long', async () => {
  const api = server((_, n) => (n <= 2 ? { ...TOO_MANY, headers: { 'retry-after': '2' } } : {}))
  const fetch = createFetch([concurrencyGate({ limit: 2 }), classify()], { fetch: api })
  await outcomes([fetch(`${KEY}/a`), fetch(`${KEY}/b`)])
  expect(api.sent.map(([, at]) => at)).toEqual([0, 0, 2000, 2000])
})

test('an endpoint that failed an hour ago has no part in an outage of another one', () => {
  const breaker = newBreaker()
  breaker.failed(request('old'), performance.now())
  vi.advanceTimersByTime(3_600_000)
  const opened = Array.from({ length: 5 }, () => breaker.failed(request('new'), performance.now()))
  expect(opened).toEqual([undefined, undefined, undefined, undefined, 'endpoint'])
})

test('a probe that gets no answer does not keep the next one for more than ten seconds', async () => {
  const api = server((path, n) => (n <= 5 ? { status: 500 } : n === 6 ? { delayMs: 3_000_000 } : {}))
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
  for (let i = 0; i < 5; i++) await fetch(`${KEY}/down`)
  const calls = Array.from({ length: 3 }, () => watch(fetch(`${KEY}/down`)))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(calls.filter(({ outcome }) => outcome).length).toBe(2)
})

test('a probe is not sent before a time that the server names', async () => {
  const api = server((path, n) =>
    n <= 5 ? { status: 500 } : n === 6 ? { ...TOO_MANY, headers: { 'retry-after': '20' } } : {},
  )
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
  for (let i = 0; i < 5; i++) await fetch(`${KEY}/down`)
  const calls = [fetch(`${KEY}/well`), fetch(`${KEY}/down`)]
  await outcomes(calls)
  expect(api.sent.slice(6).filter(([, at]) => at < 20_000)).toEqual([])
})

test('a probe does not exceed a fixed limit', async () => {
  const api = server((path) => (path === 'down' ? { status: 500 } : { delayMs: 1000 }))
  const fetch = createFetch([concurrencyGate({ limit: 1 }), classify()], { fetch: api })
  for (let i = 0; i < 5; i++) await fetch(`${KEY}/down`)
  await outcomes([fetch(`${KEY}/well`), fetch(`${KEY}/down`)])
  expect(api.most()).toBe(1)
})

test('an open stream counts for a fixed limit, for longer than ten seconds, too', async () => {
  const api: Fetch = async (input) =>
    urlOf(input).endsWith('stream')
      ? new Response(
          new ReadableStream({
            pull: (c) => new Promise((r) => void setTimeout(() => r(c.enqueue(new Uint8Array(1))), 1000)),
          }),
          { headers: { 'content-type': 'text/event-stream' } },
        )
      : new Response()
  const fetch = createFetch([concurrencyGate({ limit: 1 }), classify()], { fetch: api })
  const stream = await fetch(`${KEY}/stream`)
  const reading = stream.body!.getReader()
  void (async () => {
    for (;;) if ((await reading.read()).done) return
  })()
  const second = watch(fetch(`${KEY}/x`))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(second.outcome).toBeUndefined()
})

test('never more than a doubling at one moment: by time', () => {
  const control = newControl(undefined)
  for (let active = 1; active <= 4; active++) control.sent(active, request())
  vi.advanceTimersByTime(5000)
  let active = 4
  while (control.room(active)) control.sent(++active, request())
  expect(active).toBe(8)
})

test('what is not made use of does not grow: two in flight for a minute, then a burst', async () => {
  let inFlight = 0
  let most = 0
  const api: Fetch = async (input, init) => {
    most = Math.max(most, ++inFlight)
    return respond({ delayMs: 100 })(input, init).finally(() => inFlight--)
  }
  const gate = concurrencyGate()
  const fetch = createFetch([gate, classify()], { fetch: api })
  const loop = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await fetch(`${KEY}/x`)
  }
  const loops = [loop()]
  await vi.advanceTimersByTimeAsync(50)
  loops.push(loop())
  loops.forEach(watch)
  await vi.advanceTimersByTimeAsync(5000)
  expect(most).toBe(2)
  expect(gate.stats(KEY).limit).toBe(4)
  Array.from({ length: 2000 }, () => watch(fetch(`${KEY}/x`)))
  await flush()
  expect(inFlight).toBeLessThanOrEqual(10)
})

/** An open stream, that is read; others are answered in their order. */
const besideStream = async (script: (number | ScriptedAnswer)[]) => {
  const others = respond(...script)
  const times: number[] = []
  const api: Fetch = async (input, init) => {
    if (!urlOf(input).endsWith('stream')) {
      times.push(performance.now())
      return others(input, init)
    }
    return new Response(
      new ReadableStream({
        pull: (c) => new Promise((r) => void setTimeout(() => r(c.enqueue(new Uint8Array(1))), 1000)),
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  }
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
  const reader = (await fetch(`${KEY}/stream`)).body!.getReader()
  void (async () => {
    for (;;) if ((await reader.read()).done) return
  })()
  return { fetch, times }
}

test('beside an open stream, a call that is refused for too many in flight is not used up in one moment', async () => {
  const { fetch, times } = await besideStream([{ ...TOO_MANY, times: 3 }, 200])
  const call = watch(fetch(`${KEY}/x`))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(call.outcome).toHaveProperty('value.status', 200)
  expect(times).toEqual([0, 150, 600, 1950])
})

test('an open stream does not count for "alone": a silent refusal is left to the backoff after one repetition', async () => {
  const { fetch, times } = await besideStream([{ status: 429, body: 'Too Many Requests', times: Infinity }])
  const call = watch(fetch(`${KEY}/x`))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(call.outcome).toHaveProperty('value.status', 429)
  expect(times).toEqual([0, 0])
})

test('whoever is overdue does not exceed a fixed limit', async () => {
  const api = server(() => ({ status: 500, delayMs: 100 }))
  const fetch = createFetch([concurrencyGate({ limit: 2 }), classify()], { fetch: api, maxTotalWaitMs: 5000 })
  await outcomes(Array.from({ length: 200 }, () => fetch(`${KEY}/x`)))
  expect(api.most()).toBeLessThanOrEqual(2)
})

test('nor a ceiling that the server announces', async () => {
  const headers = { 'x-concurrent-threads': '2', 'x-concurrent-threads-active': '2' }
  const api = server(() => ({ ...TOO_MANY, headers, delayMs: 100 }))
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api, maxTotalWaitMs: 60_000 })
  const calls = Array.from({ length: 4 }, () => fetch(`${KEY}/x`))
  calls.forEach(watch)
  await vi.advanceTimersByTimeAsync(1000)
  calls.push(...Array.from({ length: 200 }, () => fetch(`${KEY}/x`)))
  await outcomes(calls)
  expect(api.most()).toBeLessThanOrEqual(4)
})

test('endpoints that failed once, long ago, do not keep an outage of another one from being found', () => {
  const breaker = newBreaker()
  for (let i = 0; i < 1000; i++) {
    breaker.failed(
      request(`page${String.fromCharCode(97 + (i % 26), 97 + ((i / 26) % 26), 97 + i / 676)}`),
      performance.now(),
    )
    breaker.served(request('well'), performance.now())
  }
  vi.advanceTimersByTime(3_600_000)
  const opened = Array.from({ length: 5 }, () => breaker.failed(request('new'), performance.now()))
  expect(opened.at(-1)).toBe('endpoint')
})

test('where several endpoints are down, one that is well gets its turn, however many calls wait for the others', async () => {
  const api = server((path) => ({ status: path === 'd' ? 200 : 500, delayMs: 10 }))
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
  await outcomes(['a', 'a', 'a', 'b', 'b'].map((path) => fetch(`${KEY}/${path}`)))
  Array.from({ length: 1000 }, () => watch(fetch(`${KEY}/a`)))
  // The trial of an endpoint that has not failed yet: it fails.
  await settled(fetch(`${KEY}/c`))
  const well = watch(fetch(`${KEY}/d`))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(well.outcome).toHaveProperty('value.status', 200)
})

test('calls keep their order when the outage of the key ends, and that of their endpoint goes on', async () => {
  const down = new Set(['a', 'b'])
  const sent: string[] = []
  const api: Fetch = async (input, init) => {
    const path = new URL(urlOf(input)).pathname.slice(1)
    sent.push(path)
    return respond({ status: down.has(path.split('/')[0]!) ? 500 : 200, delayMs: 10 })(input, init)
  }
  const fetch = createFetch([concurrencyGate({ limit: 8 }), classify()], { fetch: api })
  await outcomes([...Array.from({ length: 5 }, () => fetch(`${KEY}/a/1000`)), fetch(`${KEY}/b`)])
  const calls = Array.from({ length: 4 }, (_, i) => fetch(`${KEY}/a/${i}`))
  calls.push(fetch(`${KEY}/c`))
  calls.forEach(watch)
  await vi.advanceTimersByTimeAsync(20)
  down.clear()
  await outcomes(calls)
  expect(sent.slice(7)).toEqual(['a/0', 'a/1', 'a/2', 'a/3'])
})

test.each([
  [40, 1000],
  [5, 1000],
  [200, 1000],
  [10, 500],
])(
  '%d in %d ms: after the third window two are refused at most, the try that was too many and the test for chance',
  async (limit, windowMs) => {
    const refused: number[] = []
    let opened = -Infinity
    let used = 0
    const api: Fetch = async (input, init) => {
      if (performance.now() >= opened + windowMs) {
        refused.push(0)
        opened = performance.now()
        used = 0
      }
      if (used++ < limit) return respond({ delayMs: 30 })(input, init)
      refused[refused.length - 1]!++
      return respond({ status: 429, body: 'Too Many Requests', delayMs: 5 })(input, init)
    }
    const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
    await outcomes(Array.from({ length: limit * 10 }, (_, i) => fetch(`${KEY}/${i}`)))
    expect(Math.max(...refused.slice(3))).toBeLessThanOrEqual(2)
  },
)

test.each([
  ['without a word', {}],
  ['by words', { body: { message: 'Too many concurrent requests.' } }],
])('an endpoint that is always refused, %s, is sent a few times, and keeps nobody', async (_name, refusal) => {
  const api = server((path) => (path === 'bad' ? { status: 429, delayMs: 5, ...refusal } : { delayMs: 50 }))
  const fetch = createFetch([concurrencyGate(), classify()], { fetch: api })
  const took: number[] = []
  const one = async (i: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, i * 20))
    const began = performance.now()
    await fetch(`${KEY}/${i % 20 === 7 ? 'bad' : 'good'}`)
    if (i % 20 !== 7) took.push(performance.now() - began)
  }
  await outcomes(Array.from({ length: 400 }, (_, i) => one(i)))
  expect(api.sent.filter(([path]) => path === 'bad').length).toBeLessThan(60)
  expect(Math.max(...took.slice(100))).toBe(50)
})
