import {
  endpointOf,
  guarded,
  middleware,
  notify,
  onAbort,
  readOptions,
  string,
  type Call,
  type Next,
} from '@aplomb/pipeline'
import { redaction } from '@aplomb/redact'
import {
  context,
  createContextKey,
  createNoopMeter,
  metrics,
  propagation,
  ProxyTracerProvider,
  trace,
  type Context,
  type MeterProvider,
  type Tracer,
} from '@opentelemetry/api'
import { newCourse, type Course } from './course.ts'
import { newMeters, type Meters } from './meters.ts'
import { type Otel, otelOptions, type OtelOptions } from './options.ts'
import { newSpans } from './spans.ts'
import { subjectOf, type End } from './subject.ts'

const NAME = '@aplomb/otel'

/**
 * The key of `suppressTracing` in `@opentelemetry/core`: the SDK makes no spans where it is set. That package is the SDK's
 * part, and keys of the same name are the same.
 */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

const pathOf = ({ url }: Request): string => endpointOf(url)

const SETTER = { set: (headers: Headers, name: string, value: string): void => headers.set(name, value) }

/** What is asked of a telemetry library that may fail: then there is no answer. */
const ask = <T>(question: () => T): T | undefined => {
  let answer: T | undefined
  notify(() => {
    answer = question()
  }, undefined)
  return answer
}

/** Sends a request with a span active, and tells how that ended. What fails in telemetry fails there alone. */
const follow = async (
  active: Context | undefined,
  request: Request,
  next: Next,
  end: (how: End) => void,
): Promise<Response> => {
  let sent: Promise<Response> | undefined
  if (active) ask(() => context.with(active, () => void (sent = next(request))))
  try {
    const response = await (sent ?? next(request))
    notify(end, { response })
    return response
  } catch (error) {
    notify(end, { error })
    throw error
  }
}

/**
 * Makes a middleware, to be put outermost, that gives each call a span, each attempt a child, and counts and measures
 * what happens to them, after OpenTelemetry's semantic conventions for HTTP clients.
 *
 * @throws {TypeError} if an option is unknown or makes no sense.
 * @example
 * const tracing = otel()
 * const fetch = createFetch([tracing, backoffJitter(), retryAfter(), classify(), tracing.attempts])
 */
export const otel = (options: OtelOptions = {}): Otel => {
  const {
    tracerProvider,
    meterProvider,
    endpoint,
    redact,
    propagate = false,
  } = readOptions('otel', options, otelOptions)
  const templateOf = guarded(endpoint ?? pathOf, {
    name: 'otel.endpoint',
    answers: string(),
    instead: 'the path is named',
    fallback: pathOf,
  })
  const redactorFor = redaction(redact)
  const courses = new WeakMap<Call, Course>()

  const tracer = (): Tracer | undefined => {
    const provider = tracerProvider ?? trace.getTracerProvider()
    return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(NAME) : provider.getTracer(NAME)
  }

  let metered: MeterProvider | undefined
  let meters: Meters | undefined
  /** The global provider may come later than this middleware; instruments made before would stay mute. */
  const metersNow = (): Meters | undefined => {
    const provider = meterProvider ?? metrics.getMeterProvider()
    if (provider !== metered) {
      const meter = provider.getMeter(NAME)
      meters = meter === createNoopMeter() ? undefined : newMeters(meter)
      metered = provider
    }
    return meters
  }

  const begin = (request: Request, call: Call): Course | undefined => {
    const spanning = ask(tracer)
    const metering = ask(metersNow)
    if (!spanning && !metering) return undefined
    const subject = subjectOf(request, call.key, redactorFor, {
      of: templateOf,
      named: endpoint !== undefined,
    })
    const watchers = [spanning && ask(() => newSpans(spanning, subject)), metering && ask(() => metering(subject))]
    return newCourse(
      call,
      subject,
      watchers.filter((one) => one !== undefined),
    )
  }

  const inject = (active: Context | undefined, { headers }: Request): void => {
    if (propagate && active) ask(() => propagation.inject(active, headers, SETTER))
  }

  const calls = middleware('otel', async (request, next, call) => {
    const course = ask(() => begin(request, call))
    if (!course) return next(request)
    courses.set(call, course)
    const stopHearing = call.on(course.hear)
    // The caller is gone before the middlewares below are: the inner fetch may not even listen to the signal.
    const abort = (): void => notify(course.end, { error: call.signal.reason })
    const stopListening = onAbort(call.signal, abort)
    try {
      inject(course.context, request)
      return await follow(course.context, request, next, course.end)
    } finally {
      stopListening()
      stopHearing()
      courses.delete(call)
    }
  })

  const attempts = middleware('otel-attempts', async (request, next, call) => {
    const course = courses.get(call)
    if (!course) return next(request)
    // The transport counts when it sends, which it does at once.
    const number = call.attempt + 1
    const active = ask(() => course.send(number, request))
    inject(active, request)
    // This span is the request's: an instrumentation of `fetch` would show the same once more, with the whole query.
    const quiet = active?.setValue(SUPPRESS_TRACING, true)
    return follow(quiet, request, next, (how) => course.done(number, how))
  })

  return Object.assign(calls, { attempts })
}
