import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { context, SpanKind, type Attributes, type HrTime } from '@opentelemetry/api'
import { hrTimeToMilliseconds } from '@opentelemetry/core'
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace'
import { DataPointType, MeterProvider, MetricReader, type MetricData } from '@opentelemetry/sdk-metrics'
import { classify } from '@aplomb/classify'
import { createFetch, type CreateFetchOptions, type Fetch, type Middleware } from '@aplomb/pipeline'
import { otel, type Otel, type OtelOptions } from '../src/index.ts'

class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** One time series at its last value: a number, or of a histogram its count and sum. */
interface Series {
  readonly attributes: Attributes
  readonly value: number | { readonly count: number; readonly sum: number | undefined }
}

export interface Sdk {
  readonly tracerProvider: TracerProvider
  readonly meterProvider: MeterProvider
  /** Both, as otel takes them. */
  readonly options: OtelOptions
  /** Those that have ended, in the order in which they did. */
  spans(): readonly ReadableSpan[]
  metrics(): Promise<readonly MetricData[]>
  /** The time series of a metric. */
  series(name: string): Promise<readonly Series[]>
}

/** The real SDK, with everything in memory. */
export const newSdk = (): Sdk => {
  const spans: ReadableSpan[] = []
  const idle = { onStart: () => undefined, forceFlush: async () => undefined, shutdown: async () => undefined }
  const reader = new ManualReader()
  const metrics = async (): Promise<readonly MetricData[]> => {
    const { resourceMetrics } = await reader.collect()
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  }
  const tracerProvider = new TracerProvider({ spanProcessors: [{ ...idle, onEnd: (span) => spans.push(span) }] })
  const meterProvider = new MeterProvider({ readers: [reader] })
  return {
    tracerProvider,
    meterProvider,
    options: { tracerProvider, meterProvider },
    spans: () => spans,
    metrics,
    series: async (name) => {
      const metric = (await metrics()).find(({ descriptor }) => descriptor.name === name)
      if (!metric) return []
      if (metric.dataPointType === DataPointType.HISTOGRAM)
        return metric.dataPoints.map(({ attributes, value: { count, sum } }) => ({ attributes, value: { count, sum } }))
      return metric.dataPoints.map(({ attributes, value }) => ({ attributes, value: value as number }))
    },
  }
}

export const traced = (
  inner: Fetch,
  {
    below = [],
    live = false,
    pipeline = {},
    ...options
  }: OtelOptions & { below?: readonly Middleware[]; live?: boolean; pipeline?: CreateFetchOptions } = {},
): Sdk & { fetch: Fetch; tracing: Otel } => {
  const sdk = newSdk()
  const tracing = otel({ ...sdk.options, ...options })
  const last = live ? [tracing.attempts] : []
  return {
    ...sdk,
    tracing,
    fetch: createFetch([tracing, ...below, classify(), ...last], { ...pipeline, fetch: inner }),
  }
}

const ms = (time: HrTime): number => hrTimeToMilliseconds(time)

/** What matters of a span, times in milliseconds since `epoch`. */
export const told = (span: ReadableSpan, epoch = 0): Record<string, unknown> => ({
  name: span.name,
  kind: SpanKind[span.kind],
  start: ms(span.startTime) - epoch,
  end: ms(span.endTime) - epoch,
  attributes: span.attributes,
  status: span.status,
  events: span.events.map(({ name, time, attributes }) => ({ name, at: ms(time) - epoch, attributes })),
})

/** The spans of a trace: the call's, and its attempts. */
export const familyOf = (spans: readonly ReadableSpan[]): { call: ReadableSpan; attempts: readonly ReadableSpan[] } => {
  const call = spans.find(({ kind }) => kind === SpanKind.INTERNAL)
  if (!call) throw new Error('no call has ended')
  return { call, attempts: spans.filter(({ kind }) => kind === SpanKind.CLIENT) }
}

/** For tests in which the context has to travel along. */
export const withContextManager = (): (() => void) => {
  const manager = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(manager)
  return () => context.disable()
}
