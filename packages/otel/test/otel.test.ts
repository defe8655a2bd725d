import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  context,
  createNoopMeter,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import * as semconv from '@opentelemetry/semantic-conventions'
import * as incubating from '@opentelemetry/semantic-conventions/incubating'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify } from '@aplomb/classify'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { creditMeter } from '@aplomb/credit-meter'
import { respond } from '@aplomb/mock-api'
import {
  createFetch,
  middleware,
  sleep,
  type Call,
  type CallEvent,
  type Fetch,
  type Middleware,
} from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'
import { otel } from '../src/index.ts'
import { familyOf, newSdk, told, traced, withContextManager } from './sdk.ts'

const EPOCH = Date.UTC(2026, 10, 22, 12)
const URL_A = 'https://api.example.com/v1/lookup/8.8.8.8?fields=geo&apiKey=abc'
const TARGET = { 'http.request.method': 'GET', 'server.address': 'api.example.com', 'server.port': 443 }

const backoff = (): Middleware => backoffJitter({ jitter: 'none', baseMs: 1000 })

/** An inner fetch that neither answers nor listens. */
const deaf: Fetch = () => new Promise(() => undefined)

beforeEach(() => {
  vi.useFakeTimers({ now: EPOCH })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
  trace.disable()
  metrics.disable()
  propagation.disable()
})

const run = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}

describe('1. a span per call, and a child per attempt', () => {
  test.each([false, true])('with the attributes of the conventions; `attempts` in place: %s', async (live) => {
    const { fetch, spans } = traced(
      respond({ status: 503, delayMs: 20 }, { delayMs: 30, headers: { 'x-credits-charged': '2' } }),
      { below: [backoff()], live },
    )
    await run(fetch(URL_A), 2000)
    const { call, attempts } = familyOf(spans())
    const about = {
      ...TARGET,
      'url.full': 'https://api.example.com/v1/lookup/8.8.8.8?fields=geo&apiKey=[redacted]',
      'url.template': '/v1/lookup/:id',
      'aplomb.key': 'https://api.example.com',
    }
    const good = {
      'http.response.status_code': 200,
      'aplomb.verdict': 'ok',
      'aplomb.evidence': '200',
      'aplomb.credits.cost': 2,
    }
    expect(attempts.map((one) => told(one, EPOCH))).toEqual([
      {
        name: 'GET',
        kind: 'CLIENT',
        start: 0,
        end: 20,
        attributes: {
          ...about,
          'http.response.status_code': 503,
          'error.type': '503',
          'aplomb.verdict': 'overloaded',
          'aplomb.evidence': expect.stringContaining('503') as string,
        },
        status: { code: SpanStatusCode.ERROR },
        events: [],
      },
      {
        name: 'GET',
        kind: 'CLIENT',
        start: 1020,
        end: 1050,
        attributes: { ...about, ...good, 'http.request.resend_count': 1 },
        status: { code: SpanStatusCode.UNSET },
        events: [],
      },
    ])
    expect(told(call, EPOCH)).toMatchObject({
      name: 'GET',
      kind: 'INTERNAL',
      start: 0,
      end: 1050,
      attributes: { ...about, ...good, 'aplomb.attempts': 2 },
      status: { code: SpanStatusCode.UNSET },
    })
    expect(call.attributes).not.toHaveProperty('error.type')
    for (const { parentSpanContext, spanContext } of attempts) {
      expect(parentSpanContext?.spanId).toBe(call.spanContext().spanId)
      expect(spanContext.call(call).traceId).toBe(call.spanContext().traceId)
    }
  })

  test('all names without `aplomb.` are in the conventions', async () => {
    const known: ReadonlySet<unknown> = new Set(
      [semconv, incubating].flatMap((all) => Object.values(all as Record<string, unknown>)),
    )
    const { fetch, spans, metrics: collect } = traced(respond(500), { live: true })
    await fetch(URL_A, { method: 'PURGE' })
    const names = [
      ...spans().flatMap(({ attributes }) => Object.keys(attributes)),
      ...(await collect()).flatMap(({ descriptor, dataPoints }) => [
        descriptor.name,
        ...dataPoints.flatMap(({ attributes }) => Object.keys(attributes)),
      ]),
    ]
    expect(names).toContain('http.request.method_original')
    expect(names.filter((name) => !name.startsWith('aplomb.') && !known.has(name))).toEqual([])
  })

  test('the call is a child of what is active, and an unknown method has no name of its own', async () => {
    const disable = withContextManager()
    const { fetch, spans, tracerProvider } = traced(respond(200))
    const outer = tracerProvider.getTracer('app').startSpan('work')
    await context.with(trace.setSpan(context.active(), outer), () => fetch(URL_A, { method: 'PURGE' }))
    disable()
    const { call } = familyOf(spans())
    expect(call.parentSpanContext?.spanId).toBe(outer.spanContext().spanId)
    expect(call.name).toBe('HTTP')
    expect(call.attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'PURGE',
    })
  })

  test('an endpoint of your own names the spans', async () => {
    const { fetch, spans, series } = traced(respond(200), { endpoint: ({ url }) => new URL(url).pathname.slice(0, 10) })
    await fetch(URL_A)
    expect(spans().map(({ name }) => name)).toEqual(['GET /v1/lookup', 'GET /v1/lookup'])
    expect((await series('http.client.request.duration'))[0]?.attributes).toMatchObject({
      'url.template': '/v1/lookup',
    })
  })

  test('an attempt ends when it is answered, whatever comes after', async () => {
    const twice: Middleware = async (request, next) => {
      await next(request)
      await sleep(500)
      return next(request)
    }
    const { fetch, spans } = traced(respond({ delayMs: 20 }, { delayMs: 20 }), { below: [twice] })
    await run(fetch(URL_A), 1000)
    expect(familyOf(spans()).attempts.map((one) => told(one, EPOCH))).toMatchObject([
      { start: 0, end: 20 },
      { start: 520, end: 540 },
    ])
  })

  test('an attempt tells of the request that was sent', async () => {
    const elsewhere: Middleware = (_request, next) => next(new Request('http://[::1]:8080/other', { method: 'PUT' }))
    const { fetch, spans } = traced(respond(200), { below: [elsewhere] })
    await fetch(URL_A)
    expect(familyOf(spans()).attempts[0]).toMatchObject({
      name: 'PUT',
      attributes: { 'server.address': '::1', 'server.port': 8080, 'url.full': 'http://[::1]:8080/other' },
    })
  })
})

describe('2. failures', () => {
  const refused = new TypeError('fetch failed', {
    cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  })
  const message = 'TypeError: fetch failed, because of Error: connect ECONNREFUSED'

  test.each<[string, number | Error, string | undefined, string | undefined]>([
    ['a success', 200, undefined, undefined],
    ['a redirect handed back', 304, undefined, undefined],
    ['a 404', 404, '404', undefined],
    ['a 500', 500, '500', undefined],
    ['a connection', refused, 'ECONNREFUSED', message],
    ['an error without a code', new TypeError('Load failed'), 'TypeError', 'TypeError: Load failed'],
    ['an error with a strange name', Object.assign(new Error('x'), { name: 'a b' }), '_OTHER', 'a b: x'],
  ])('%s', async (_what, answer, type, said) => {
    const { fetch, spans } = traced(respond(answer))
    await fetch(URL_A).catch(() => undefined)
    expect(spans()).toHaveLength(2)
    for (const { attributes, status } of spans()) {
      expect(attributes['error.type']).toBe(type)
      expect(status.code).toBe(type === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR)
      expect(status.message).toBe(said)
    }
  })

  test('a 404 that means "no such record" is none, a 200 that means "no credits left" is one', async () => {
    const sdk = newSdk()
    const broke = { name: 'broke', judge: () => ({ kind: 'billing', sign: 'no credits' }) as const, reads: () => true }
    const lookups = createFetch([otel(sdk.options), classify({ lookups: '/v1/lookup/:ip' })], { fetch: respond(404) })
    await lookups(URL_A)
    const [empty] = sdk.spans()
    expect(empty).toMatchObject({ status: { code: SpanStatusCode.UNSET }, attributes: { 'aplomb.verdict': 'empty' } })
    await createFetch([otel(sdk.options), classify({ rules: [broke] })], { fetch: respond(200) })(URL_A)
    expect(sdk.spans().at(-1)).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: '200, broke: no credits' },
      attributes: { 'error.type': 'billing', 'http.response.status_code': 200 },
    })
  })

  test('of a response that does not say what it is nothing bad is said', async () => {
    const { fetch, spans, series } = traced(async () => Response.error())
    await fetch(URL_A)
    expect(familyOf(spans()).attempts[0]).toMatchObject({ status: { code: SpanStatusCode.UNSET } })
    expect(spans()[0]?.attributes).toMatchObject({ 'aplomb.verdict': 'unknown' })
    expect((await series('http.client.request.duration'))[0]?.attributes).toEqual(TARGET)
    for (const name of ['error.type', 'http.response.status_code'])
      expect(spans()[0]?.attributes).not.toHaveProperty([name])
  })

  test('a deadline of ours is an error, and cuts the attempt', async () => {
    const { fetch, spans } = traced(deaf, { pipeline: { timeoutMs: 50 }, live: true })
    const failed = fetch(URL_A).catch((error: unknown) => error)
    expect(await run(failed, 50)).toMatchObject({ name: 'TimeoutError' })
    for (const span of spans())
      expect(told(span, EPOCH)).toMatchObject({
        start: 0,
        end: 50,
        attributes: { 'error.type': 'TimeoutError', 'aplomb.verdict': 'timeout' },
        status: { code: SpanStatusCode.ERROR },
      })
    expect(spans()).toHaveLength(2)
  })
})

describe('3. waits, retries, give-ups and alerts are events of the call', () => {
  test('with their times', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const first = { delayMs: 40 }
    const held = { status: 429, delayMs: 10, headers: { 'retry-after': '2' } }
    const inner = respond(first, held, { status: 500, delayMs: 10 }, 200)
    const { fetch, spans } = traced(inner, {
      below: [backoff(), concurrencyGate({ limit: 1 }), retryAfter()],
      live: true,
    })
    await run(Promise.all([fetch(URL_A), fetch(URL_A)]), 10_000)
    const call = spans().findLast(({ kind }) => kind === SpanKind.INTERNAL)
    if (!call) throw new Error('no call')
    const { events, attributes } = told(call, EPOCH)
    expect(attributes).toMatchObject({ 'aplomb.attempts': 3 })
    expect(events).toEqual([
      { name: 'aplomb.queue', at: 0, attributes: { 'aplomb.wait.duration': 0.04 } },
      {
        name: 'aplomb.retry',
        at: 50,
        attributes: {
          'aplomb.by': 'retry-after',
          'aplomb.reason': expect.stringMatching(/^rate-limited: 429/) as string,
          'aplomb.wait.duration': 2,
        },
      },
      { name: 'aplomb.hold', at: 50, attributes: { 'aplomb.wait.duration': 2 } },
      {
        name: 'aplomb.retry',
        at: 2060,
        attributes: { 'aplomb.by': 'backoff-jitter', 'aplomb.reason': 'server-error: 500', 'aplomb.wait.duration': 1 },
      },
      { name: 'aplomb.backoff', at: 2060, attributes: { 'aplomb.wait.duration': 1 } },
    ])
  })

  test('asking whether to wait is no wait', async () => {
    const asking = middleware('asking', async (request, next, call) => {
      call.waited('hold', 0.99)
      return next(request)
    })
    const { fetch, spans } = traced(respond(200), { below: [asking] })
    await fetch(URL_A)
    expect(familyOf(spans()).call.events).toEqual([])
  })

  test('one begins where the other ends: backoff, queue, hold', async () => {
    const waiting = middleware('waiting', async (request, next, call) => {
      await sleep(7)
      call.waited('hold', 1)
      call.waited('queue', 2)
      call.waited('backoff', 4)
      return next(request)
    })
    const { fetch, spans } = traced(respond(200), { below: [waiting] })
    await run(fetch(URL_A), 7)
    expect(told(familyOf(spans()).call, EPOCH)['events']).toEqual([
      { name: 'aplomb.hold', at: 6, attributes: { 'aplomb.wait.duration': 0.001 } },
      { name: 'aplomb.queue', at: 4, attributes: { 'aplomb.wait.duration': 0.002 } },
      { name: 'aplomb.backoff', at: 0, attributes: { 'aplomb.wait.duration': 0.004 } },
    ])
  })

  test('who gave up, and what somebody should look at', async () => {
    const { fetch, spans } = traced(respond(402), { below: [creditMeter()] })
    await fetch(URL_A)
    expect(familyOf(spans()).call.events).toMatchObject([
      { name: 'aplomb.give_up', attributes: { 'aplomb.by': 'credit-meter' } },
      { name: 'aplomb.alert', attributes: { 'aplomb.by': 'credit-meter', 'aplomb.condition': 'billing' } },
    ])
  })

  test('a wait in the queue that comes to nothing', async () => {
    const gate = concurrencyGate({ limit: 1, queueTimeoutMs: 30 })
    const { fetch, spans, series } = traced(respond({ delayMs: 100 }), { below: [gate] })
    const first = fetch(URL_A)
    const second = fetch(URL_A).catch((error: unknown) => error)
    expect(await run(second, 30)).toMatchObject({ name: 'QueueTimeoutError' })
    expect(spans()[0]?.events.at(-1)).toMatchObject({
      name: 'aplomb.queue',
      attributes: { 'aplomb.wait.duration': 0.03 },
    })
    expect(await series('aplomb.wait.duration')).toEqual([
      { attributes: { ...TARGET, 'aplomb.wait': 'queue' }, value: { count: 1, sum: 0.03 } },
    ])
    await run(first, 100)
  })
})

describe('4. what fetch itself reports', () => {
  /** As an instrumented fetch does. */
  const instrumented = (tracer: () => Tracer): { fetch: Fetch; seen: Span[] } => {
    const seen: Span[] = []
    return {
      seen,
      fetch: async () => {
        const parent = trace.getActiveSpan()
        if (parent) seen.push(parent)
        tracer().startSpan('fetch').end()
        return new Response()
      },
    }
  }

  test.each([
    ['is left out with `attempts` innermost, whose span is the active one', true, SpanKind.CLIENT, []],
    ['is else a child of the call', false, SpanKind.INTERNAL, ['fetch']],
  ])('%s', async (_, live, kind, reported) => {
    const disable = withContextManager()
    const inner = instrumented(() => sdk.tracerProvider.getTracer('undici'))
    const sdk = traced(inner.fetch, { live })
    await sdk.fetch(URL_A)
    disable()
    const parent = sdk.spans().find((span) => span.kind === kind && span.name === 'GET')
    const children = sdk.spans().filter(({ name }) => name === 'fetch')
    expect(children.map(({ name }) => name)).toEqual(reported)
    for (const child of children) expect(child.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId)
    expect(inner.seen.map((span) => span.spanContext().spanId)).toEqual([parent?.spanContext().spanId])
  })

  test('what middlewares of your own report is a child of the call, also with `attempts`', async () => {
    const disable = withContextManager()
    const own: Middleware = async (request, next) => {
      sdk.tracerProvider.getTracer('mine').startSpan('token').end()
      return next(request)
    }
    const sdk = traced(respond(200), { live: true, below: [own] })
    await sdk.fetch(URL_A)
    disable()
    const call = sdk.spans().find(({ name, kind }) => name === 'GET' && kind === SpanKind.INTERNAL)
    const token = sdk.spans().find(({ name }) => name === 'token')
    expect(token?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId)
  })

  test('`attempts` alone, or around what never sends, does no harm', async () => {
    const sdk = newSdk()
    const tracing = otel(sdk.options)
    await createFetch([tracing.attempts], { fetch: respond(200) })(URL_A)
    expect(sdk.spans()).toEqual([])
    const cached: Middleware = async () => new Response('cached')
    await createFetch([tracing, tracing.attempts, cached], { fetch: respond(200) })(URL_A)
    expect(sdk.spans().map(({ kind }) => kind)).toEqual([SpanKind.CLIENT, SpanKind.INTERNAL])
    expect(await sdk.series('http.client.active_requests')).toEqual([{ attributes: TARGET, value: 0 }])
  })
})

describe('5. an abort ends all spans at once', () => {
  test.each([false, true])('also if the inner fetch does not listen; `attempts` in place: %s', async (live) => {
    const { fetch, spans, series } = traced(deaf, { live })
    const controller = new AbortController()
    const pending = fetch(URL_A, { signal: controller.signal }).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5)
    if (live) expect(await series('http.client.active_requests')).toEqual([{ attributes: TARGET, value: 1 }])
    controller.abort(new DOMException('enough', 'AbortError'))
    expect(spans().map((one) => told(one, EPOCH))).toHaveLength(live ? 2 : 1)
    for (const span of spans())
      expect(told(span, EPOCH)).toMatchObject({
        end: 5,
        attributes: { 'aplomb.verdict': 'aborted', 'error.type': 'AbortError' },
        status: { code: SpanStatusCode.UNSET },
      })
    expect(await pending).toMatchObject({ name: 'AbortError' })
    if (live) expect(await series('http.client.active_requests')).toEqual([{ attributes: TARGET, value: 0 }])
    expect(await series('aplomb.calls.active')).toEqual([{ attributes: TARGET, value: 0 }])
  })

  test.each(['backoff', 'hold', 'queue'])('while it waits: %s', async (where) => {
    const answers: Record<string, object> = {
      backoff: { status: 500 },
      hold: { status: 429, headers: { 'retry-after': '9' } },
      queue: { delayMs: 50 },
    }
    const { fetch, spans, series } = traced(respond({ ...answers[where], times: 2 }), {
      below: [backoff(), concurrencyGate({ limit: 1 }), retryAfter()],
    })
    const controller = new AbortController()
    const first = fetch(URL_A, where === 'queue' ? {} : { signal: controller.signal }).catch(() => undefined)
    const second = fetch(URL_A, { signal: controller.signal }).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5)
    controller.abort()
    const ended = spans().filter(({ attributes }) => attributes['aplomb.verdict'] === 'aborted')
    expect(ended.map((one) => told(one, EPOCH)['end'])).toEqual(where === 'queue' ? [5] : [5, 5])
    expect(await second).toMatchObject({ name: 'AbortError' })
    await run(first, 100)
    expect(await series('aplomb.calls.active')).toEqual([{ attributes: TARGET, value: 0 }])
  })
})

describe('6. no header is added unless asked for', () => {
  const inner = (): { fetch: Fetch; sent: (string | null)[] } => {
    const sent: (string | null)[] = []
    const answers = respond(503, 200)
    const fetch: Fetch = (input, init) => {
      sent.push(new Request(input, init).headers.get('traceparent'))
      return answers(input, init)
    }
    return { fetch, sent }
  }
  beforeEach(() => {
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  })

  test('off by default', async () => {
    const { fetch, sent } = inner()
    const traces = traced(fetch, { below: [backoff()], live: true })
    await run(traces.fetch(URL_A), 2000)
    expect(sent).toEqual([null, null])
  })

  test.each([false, true])(
    '`propagate` names the attempt with `attempts` innermost (%s), else the call',
    async (live) => {
      const { fetch, sent } = inner()
      const traces = traced(fetch, { below: [backoff()], live, propagate: true })
      const headers = new Headers({ accept: '*/*' })
      await run(traces.fetch(URL_A, { headers }), 2000)
      const { call, attempts } = familyOf(traces.spans())
      const parents = live ? attempts : [call, call]
      expect(sent).toEqual(parents.map((one) => `00-${one.spanContext().traceId}-${one.spanContext().spanId}-01`))
      expect([...headers.keys()]).toEqual(['accept'])
    },
  )
})

const emitting = (...events: readonly object[]): Middleware =>
  middleware('emitting', async (request, next, call) => {
    const response = await next(request)
    for (const event of events) call.emit({ call: call.id, key: call.key, ...event } as CallEvent)
    return response
  })

describe('7. metrics', () => {
  test('attempts, retries and rejections by verdict, and their times', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { fetch, series } = traced(
      respond({ status: 429, delayMs: 10, headers: { 'retry-after': '2' } }, { status: 500, delayMs: 10 }, 200),
      { below: [backoff(), retryAfter()], live: true },
    )
    await run(fetch(URL_A), 10_000)
    const by = (verdict: string, more = {}) => ({ ...TARGET, 'aplomb.verdict': verdict, ...more })
    expect(await series('aplomb.attempts')).toEqual([
      { attributes: by('rate-limited'), value: 1 },
      { attributes: by('server-error'), value: 1 },
      { attributes: by('ok'), value: 1 },
    ])
    expect(await series('aplomb.rejections')).toEqual([{ attributes: by('rate-limited'), value: 1 }])
    expect(await series('aplomb.retries')).toEqual([
      { attributes: by('rate-limited', { 'aplomb.by': 'retry-after' }), value: 1 },
      { attributes: by('server-error', { 'aplomb.by': 'backoff-jitter' }), value: 1 },
    ])
    expect(await series('http.client.request.duration')).toEqual([
      {
        attributes: { ...TARGET, 'http.response.status_code': 429, 'error.type': '429' },
        value: { count: 1, sum: 0.01 },
      },
      {
        attributes: { ...TARGET, 'http.response.status_code': 500, 'error.type': '500' },
        value: { count: 1, sum: 0.01 },
      },
      { attributes: { ...TARGET, 'http.response.status_code': 200 }, value: { count: 1, sum: 0 } },
    ])
    expect(await series('aplomb.wait.duration')).toEqual([
      { attributes: { ...TARGET, 'aplomb.wait': 'hold' }, value: { count: 1, sum: 2 } },
      { attributes: { ...TARGET, 'aplomb.wait': 'backoff' }, value: { count: 1, sum: 1 } },
    ])
    expect(await series('aplomb.call.duration')).toEqual([{ attributes: by('ok'), value: { count: 1, sum: 3.02 } }])
  })

  test('calls and requests in flight, and the limit', async () => {
    const { fetch, series } = traced(respond({ delayMs: 10, times: 3 }), {
      below: [concurrencyGate({ limit: 2 })],
      live: true,
    })
    const all = Promise.all([fetch(URL_A), fetch(URL_A), fetch(URL_A)])
    await vi.advanceTimersByTimeAsync(5)
    const account = { 'aplomb.key': 'https://api.example.com', 'server.address': 'api.example.com' }
    expect(await series('aplomb.calls.active')).toEqual([{ attributes: TARGET, value: 3 }])
    expect(await series('http.client.active_requests')).toEqual([{ attributes: TARGET, value: 2 }])
    expect(await series('aplomb.concurrency.limit')).toEqual([{ attributes: account, value: 2 }])
    await run(all, 100)
    expect(await series('aplomb.calls.active')).toEqual([{ attributes: TARGET, value: 0 }])
    expect(await series('http.client.active_requests')).toEqual([{ attributes: TARGET, value: 0 }])
  })

  test('the limit as it changes', async () => {
    const { fetch, series } = traced(respond(200), {
      below: [emitting({ type: 'limit', limit: 7, previous: 3, reason: 'all goes well' })],
    })
    await fetch(URL_A)
    expect(await series('aplomb.concurrency.limit')).toMatchObject([{ value: 7 }])
  })

  test('credits as the meter counts them, or else as headers say, each once', async () => {
    const charge = { headers: { 'x-credits-charged': '2', 'x-credits-remaining': '98' } }
    const account = { 'aplomb.key': 'team-a', 'server.address': 'api.example.com' }
    const pipeline = { key: 'team-a' }
    const plain = traced(respond(charge), { pipeline })
    await plain.fetch(URL_A)
    const metered = traced(respond(charge, 200), { below: [creditMeter({ budget: 50, cost: () => 5 })], pipeline })
    await metered.fetch(URL_A)
    await metered.fetch(URL_A)
    expect(await plain.series('aplomb.credits.spent')).toEqual([{ attributes: account, value: 2 }])
    expect(await plain.series('aplomb.credits.left')).toEqual([{ attributes: account, value: 98 }])
    expect(await metered.series('aplomb.credits.spent')).toEqual([{ attributes: account, value: 7 }])
    expect(await metered.series('aplomb.credits.left')).toEqual([{ attributes: account, value: 43 }])
    expect(familyOf(metered.spans()).attempts.map(({ attributes }) => attributes['aplomb.credits.cost'])).toEqual([
      2, 5,
    ])
  })

  test('a charge that comes late counts all the same', async () => {
    const { fetch, series } = traced(respond(500, 200), {
      below: [
        backoff(),
        emitting({ type: 'retry', by: 'x', attempt: 1, reason: 'r', waitMs: 0 }, { type: 'credits', cost: 3 }),
      ],
    })
    await run(fetch(URL_A), 5000)
    expect(await series('aplomb.credits.spent')).toMatchObject([{ value: 6 }])
  })
})

/** What a call sees of its listeners. */
const spy = (): { saw: Middleware; observed: boolean[] } => {
  const observed: boolean[] = []
  return {
    observed,
    saw: middleware('spy', async (request, next, call: Call) => {
      observed.push(call.observed)
      return next(request)
    }),
  }
}

describe('8. without an SDK nothing is done; one that is registered later is found', () => {
  test('also by a middleware made before', async () => {
    const { saw, observed } = spy()
    const text = vi.fn((said: string) => said)
    const tracing = otel({ redact: { text } })
    const fetch = createFetch([tracing, saw, tracing.attempts], { fetch: respond(200, 200, 200) })
    await fetch(URL_A)
    expect(observed).toEqual([false])
    expect(text).not.toHaveBeenCalled()
    const sdk = newSdk()
    trace.setGlobalTracerProvider(sdk.tracerProvider)
    await fetch(URL_A)
    expect(sdk.spans()).toHaveLength(2)
    expect(await sdk.metrics()).toEqual([])
    metrics.setGlobalMeterProvider(sdk.meterProvider)
    await fetch(URL_A)
    expect(await sdk.series('aplomb.attempts')).toMatchObject([{ value: 1 }])
    expect(observed).toEqual([false, true, true])
  })

  test('spans that are not sampled are not written', async () => {
    const tracerProvider = new TracerProvider({ sampler: new AlwaysOffSampler() })
    const meterProvider = { getMeter: () => createNoopMeter() }
    const text = vi.fn((said: string) => said)
    const { fetch } = traced(respond(400), { tracerProvider, meterProvider, redact: { text } })
    await fetch(URL_A)
    // A sampler may ask for the URL and its template.
    expect(text).toHaveBeenCalledTimes(2)
  })
})

describe('11. it works bare, and two instances share nothing', () => {
  test('without a pipeline', async () => {
    const one = newSdk()
    const other = newSdk()
    const bare = otel(one.options)
    otel(other.options)
    const response = await bare(new Request(URL_A), respond({ status: 500, body: { message: 'broken' } }))
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ message: 'broken' })
    expect(one.spans().map(({ kind }) => kind)).toEqual([SpanKind.CLIENT, SpanKind.INTERNAL])
    expect(other.spans()).toEqual([])
    expect(await other.metrics()).toEqual([])
  })

  test('two in one pipeline each tell their own', async () => {
    const one = newSdk()
    const two = traced(respond(200), { below: [otel(one.options)] })
    await two.fetch(URL_A)
    expect(one.spans()).toHaveLength(2)
    expect(two.spans()).toHaveLength(2)
  })
})

describe('12. bad options fail at creation', () => {
  test.each([
    [{ endpoint: '/x' }, 'otel: endpoint must be a function, got string'],
    [{ propagate: 'yes' }, 'otel: propagate must be true or false, got string'],
    [{ redact: { query: 'ip' } }, 'otel: redact.query must be a list of names, got string'],
    [{ tracerProvider: {} }, 'otel: tracerProvider must be a provider with getTracer, got object'],
    [{ meterProvider: 1 }, 'otel: meterProvider must be a provider with getMeter, got 1'],
  ])('%o', (options, message) => {
    const make = () => otel(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })
})
