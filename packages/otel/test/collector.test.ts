import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify } from '@aplomb/classify'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { creditMeter } from '@aplomb/credit-meter'
import { createMockApi } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { createFetch } from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'
import { otel } from '../src/index.ts'

interface Value {
  readonly stringValue?: string
  readonly intValue?: number
  readonly doubleValue?: number
}
interface KeyValue {
  readonly key: string
  readonly value: Value
}
interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly KeyValue[]
  readonly status: { readonly code: number }
}
interface Point {
  readonly attributes: readonly KeyValue[]
  readonly asInt?: number
  readonly asDouble?: number
  readonly count?: number
}
interface OtlpMetric {
  readonly name: string
  readonly unit: string
  readonly sum?: { readonly dataPoints: readonly Point[] }
  readonly gauge?: { readonly dataPoints: readonly Point[] }
  readonly histogram?: { readonly dataPoints: readonly Point[] }
}
interface Scoped<T> {
  readonly scope: { readonly name: string }
  readonly spans?: readonly T[]
  readonly metrics?: readonly T[]
}
interface Payload {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly Scoped<OtlpSpan>[] }[]
  readonly resourceMetrics?: readonly { readonly scopeMetrics: readonly Scoped<OtlpMetric>[] }[]
}

/** What a collector does with OTLP over HTTP, as far as the sender can tell. */
const collector = async () => {
  const spans: OtlpSpan[] = []
  const metrics = new Map<string, OtlpMetric>()
  const scopes = new Set<string>()
  const paths: (string | undefined)[] = []
  const server: Server = createServer((request, response) => {
    void (async () => {
      const payload = JSON.parse(await text(request)) as Payload
      paths.push(request.url)
      const scoped = [
        ...(payload.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans),
        ...(payload.resourceMetrics ?? []).flatMap(({ scopeMetrics }) => scopeMetrics),
      ]
      for (const { scope } of scoped) scopes.add(scope.name)
      for (const { scopeSpans } of payload.resourceSpans ?? [])
        for (const one of scopeSpans) spans.push(...(one.spans ?? []))
      for (const { scopeMetrics } of payload.resourceMetrics ?? [])
        for (const one of scopeMetrics) for (const metric of one.metrics ?? []) metrics.set(metric.name, metric)
      response.setHeader('content-type', 'application/json').end('{}')
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, spans, metrics, scopes, paths, close: () => server.close() }
}

const flat = (attributes: readonly KeyValue[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('13. a collector receives it all by OTLP', () => {
  test('spans and metrics of calls to an API with limits, credits and an outage', async () => {
    const received = await collector()
    const mock = createMockApi({
      concurrency: 2,
      latencyMs: 5,
      credits: { balance: 100 },
      outages: [{ fromMs: 0, toMs: 60, status: 503, retryAfter: false }],
    })
    const api = await serve(mock)
    closing.push(received.close, api.close)
    const processor = new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${received.url}/v1/traces` }) })
    const tracerProvider = new TracerProvider({ spanProcessors: [processor] })
    const exporter = new OTLPMetricExporter({ url: `${received.url}/v1/metrics` })
    const meterProvider = new MeterProvider({
      readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })],
    })
    const tracing = otel({ tracerProvider, meterProvider })
    const fetch = createFetch(
      [
        tracing,
        backoffJitter({ baseMs: 40, maxAttempts: 20 }),
        concurrencyGate({ limit: 2 }),
        retryAfter(),
        creditMeter({ budget: 50 }),
        classify(),
        tracing.attempts,
      ],
      { timeoutMs: 20_000 },
    )
    const ips = ['1.1.1.1', '8.8.8.8', '9.9.9.9', '192.0.2.1']
    const answers = await Promise.all(ips.map((ip) => fetch(`${api.url}/v1/lookup/${ip}?apiKey=s3cr3t-of-mine`)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    await tracerProvider.shutdown()
    await meterProvider.shutdown()

    const { hostname, port } = new URL(api.url)
    const target = { 'http.request.method': 'GET', 'server.address': hostname, 'server.port': Number(port) }
    expect(new Set(received.paths)).toEqual(new Set(['/v1/traces', '/v1/metrics']))
    expect([...received.scopes]).toEqual(['@aplomb/otel'])
    expect(JSON.stringify([received.spans, ...received.metrics.values()])).not.toContain('s3cr3t-of-mine')

    const calls = received.spans.filter(({ kind }) => kind === 1)
    const attempts = received.spans.filter(({ kind }) => kind === 3)
    expect(calls).toHaveLength(4)
    const served = mock.stats().requests
    expect(attempts).toHaveLength(served)
    for (const call of calls) {
      const own = attempts.filter(({ parentSpanId }) => parentSpanId === call.spanId)
      const told = own.map(({ attributes }) => flat(attributes))
      expect(flat(call.attributes)).toMatchObject({ ...target, 'aplomb.attempts': own.length, 'aplomb.verdict': 'ok' })
      expect(told.map((one) => one['http.request.resend_count'] ?? 0)).toEqual(own.map((_one, index) => index))
      expect(told.at(-1)).toMatchObject({
        ...target,
        'http.response.status_code': 200,
        'url.template': '/v1/lookup/:id',
      })
      for (const { traceId, startTimeUnixNano: start, endTimeUnixNano: end } of own) {
        expect(traceId).toBe(call.traceId)
        expect(BigInt(start) >= BigInt(call.startTimeUnixNano) && BigInt(start) <= BigInt(end)).toBe(true)
        expect(BigInt(end) <= BigInt(call.endTimeUnixNano)).toBe(true)
      }
    }
    const refused = attempts.filter(({ status }) => status.code === 2).map(({ attributes }) => flat(attributes))
    expect(refused.length).toBeGreaterThan(0)
    for (const one of refused) expect(one).toMatchObject({ 'http.response.status_code': 503, 'error.type': '503' })

    const points = (name: string): readonly Point[] => {
      const { sum, gauge, histogram } = received.metrics.get(name) ?? {}
      return (sum ?? gauge ?? histogram)?.dataPoints ?? []
    }
    const total = (name: string): number =>
      points(name).reduce((all, { asInt, asDouble, count }) => all + Number(asInt ?? asDouble ?? count), 0)
    expect(total('http.client.request.duration')).toBe(served)
    expect(total('aplomb.attempts')).toBe(served)
    expect(total('aplomb.rejections')).toBe(refused.length)
    expect(total('aplomb.retries')).toBe(refused.length)
    expect(total('aplomb.call.duration')).toBe(4)
    expect(total('aplomb.calls.active')).toBe(0)
    expect(total('http.client.active_requests')).toBe(0)
    expect(total('aplomb.concurrency.limit')).toBeGreaterThan(0)
    expect(total('aplomb.credits.spent')).toBe(4)
    expect(total('aplomb.credits.left')).toBe(46)
    expect(total('aplomb.wait.duration')).toBeGreaterThan(0)
    expect(received.metrics.get('http.client.request.duration')?.unit).toBe('s')
  })
})
