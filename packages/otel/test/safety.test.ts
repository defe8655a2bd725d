import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { context, metrics, propagation, ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api'
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, SimpleSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { respond } from '@aplomb/mock-api'
import { createFetch } from '@aplomb/pipeline'
import { otel, type OtelOptions } from '../src/index.ts'
import { newSdk } from './sdk.ts'

const URL_A = 'https://api.example.com/v1/things'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.useRealTimers()
  trace.disable()
  metrics.disable()
  propagation.disable()
  context.disable()
})

const fail = (): never => {
  throw new Error('telemetry is broken')
}
/** Throws whatever is done with it. */
const broken: never = new Proxy(fail, { get: (_target, name) => (name === 'then' ? undefined : fail) }) as never

/** What a caller sees: a retry, then an answer; then an error. */
const lived = async (options?: OtelOptions): Promise<readonly unknown[]> => {
  const error = new TypeError('fetch failed')
  const body = { status: 200, delayMs: 30, body: { fine: true } }
  const tracing = options && otel(options)
  const inner = respond({ status: 503, delayMs: 20 }, body, { status: 400, delayMs: 5 }, error)
  const backoff = backoffJitter({ jitter: 'none', baseMs: 1000, maxAttempts: 2, methods: ['GET'] })
  const fetch = createFetch(tracing ? [tracing, backoff, tracing.attempts] : [backoff], { fetch: inner })
  const seen: unknown[] = []
  const began = performance.now()
  const live = async (): Promise<void> => {
    const response = await fetch(URL_A)
    seen.push(response === inner.responses[1]?.response, performance.now() - began, await response.json())
    seen.push((await fetch(URL_A)).status, performance.now() - began)
    seen.push((await fetch(URL_A, { method: 'POST' }).catch((reason: unknown) => reason)) === error)
    seen.push(performance.now() - began)
  }
  const living = live()
  await vi.advanceTimersByTimeAsync(2000)
  await living
  return seen
}

/** Nobody else would catch it: what an exporter returns is dropped. */
const rejected = (): Promise<never> => {
  const promise = Promise.reject(new Error('export failed'))
  promise.catch(() => undefined)
  return promise
}

type Export = (items: unknown, done: (result: ExportResult) => void) => unknown

const exporters: Record<string, Export> = {
  throws: fail,
  rejects: rejected,
  hangs: () => undefined,
  fails: (_items, done) => done({ code: ExportResultCode.FAILED, error: new Error('503') }),
}

describe('10. an exporter changes neither the result nor the timing of a call', () => {
  test.each(Object.keys(exporters))('one that %s', async (how) => {
    const expected = await lived()
    expect(expected).toEqual([true, 1050, { fine: true }, 400, 1055, true, 1055])
    const exported = vi.fn(exporters[how])
    const rest = {
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    }
    const exporter = { ...rest, export: exported } as unknown as SpanExporter & PushMetricExporter
    const tracerProvider = new TracerProvider({
      spanProcessors: [
        new SimpleSpanProcessor({ exporter }),
        new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1, exportTimeoutMillis: 1 }),
      ],
    })
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10, exportTimeoutMillis: 10 })
    const meterProvider = new MeterProvider({ readers: [reader] })
    expect(await lived({ tracerProvider, meterProvider })).toEqual(expected)
    expect(exported.mock.calls.length).toBeGreaterThan(7)
    const ended = meterProvider.shutdown().catch(() => undefined)
    await vi.advanceTimersByTimeAsync(60_000)
    await ended
  })

  const sdk = newSdk()
  const startSpan = (): never => broken
  const spans = { getTracer: () => ({ startSpan }) as unknown as Tracer }

  test.each<[string, OtelOptions]>([
    ['a tracer provider', { tracerProvider: { getTracer: fail } }],
    ['a tracer', { tracerProvider: { getTracer: () => ({ startSpan: fail, startActiveSpan: fail }) } }],
    ['a span', { tracerProvider: spans }],
    ['a meter provider', { meterProvider: { getMeter: fail } }],
    ['a meter', { meterProvider: { getMeter: () => broken } }],
    ['an endpoint', { ...sdk.options, endpoint: fail }],
    ['a redaction', { ...sdk.options, redact: { text: fail } }],
  ])('nor does %s that throws', async (_what, options) => {
    const expected = await lived()
    expect(await lived(options)).toEqual(expected)
    // What it is called with is said once for both.
    expect([...vi.mocked(console.error).mock.calls, ...vi.mocked(console.warn).mock.calls]).not.toEqual([])
  })

  test('what fails of spans does not keep metrics from being counted', async () => {
    const { meterProvider, series } = newSdk()
    await lived({ tracerProvider: spans, meterProvider })
    expect(await series('aplomb.calls.active')).toMatchObject([{ value: 0 }, { value: 0 }])
    expect(await series('aplomb.attempts')).toMatchObject([{ value: 1 }, { value: 1 }, { value: 1 }, { value: 1 }])
  })

  test('nor do instruments, a context manager and a propagator that throw', async () => {
    const expected = await lived()
    const instrument = { add: fail, record: fail }
    const make = (): never => instrument as never
    const meter = { createHistogram: make, createCounter: make, createUpDownCounter: make, createGauge: make }
    const manager = { active: () => ROOT_CONTEXT, with: fail, disable: () => manager }
    context.setGlobalContextManager(manager as never)
    propagation.setGlobalPropagator({ inject: fail, extract: fail, fields: () => [] })
    const meterProvider = { getMeter: () => meter as never }
    expect(await lived({ ...sdk.options, meterProvider, propagate: true })).toEqual(expected)
    expect(sdk.spans().length).toBeGreaterThan(0)
  })

  test('nor does an answer that cannot be looked at', async () => {
    const get = (_target: object, name: unknown): undefined => (name === 'then' ? undefined : fail())
    const evil = new Proxy({}, { get }) as Response
    const fetch = createFetch([otel(newSdk().options)], { fetch: async () => evil })
    expect((await fetch(URL_A)) === evil).toBe(true)
  })

  test('nor does an error that cannot be looked at', async () => {
    const evil: unknown = new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail })
    const fetch = createFetch([otel(newSdk().options)], { fetch: () => Promise.reject(evil) })
    const same = (reason: unknown): boolean => reason === evil
    expect(await fetch(URL_A).then(() => false, same)).toBe(true)
  })
})
