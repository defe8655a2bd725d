import { boolean, callback, having, type KindsOf, type Middleware, shape } from '@aplomb/pipeline'
import { redactOptions, type RedactOptions } from '@aplomb/redact'
import type { MeterProvider, TracerProvider } from '@opentelemetry/api'

/** Options of `otel`. None is needed where an SDK is registered. */
export interface OtelOptions {
  /** Where spans go. @default the global one, looked up at each call: no SDK, no spans, no work */
  readonly tracerProvider?: TracerProvider | undefined
  /** Where metrics go. @default the global one, as above */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * The `url.template` of a request. One that is given also names the spans, and is an attribute of the metrics: so let
   * it have few values. @default the URL's path with `:id` for what looks like one, on spans only
   */
  readonly endpoint?: ((request: Request) => string) | undefined
  /** What may be shown beyond what is known to be harmless, and what else may not. */
  readonly redact?: RedactOptions | undefined
  /**
   * Whether requests carry the trace along (`traceparent`, or what the registered propagator writes): the attempt's
   * span where {@link Otel.attempts} is in place, else the call's. Without that, leave it off if `fetch` itself is instrumented.
   * @default false
   */
  readonly propagate?: boolean | undefined
}

/** What each option takes. */
export const otelOptions: KindsOf<OtelOptions> = {
  tracerProvider: having('a provider with getTracer', 'getTracer'),
  meterProvider: having('a provider with getMeter', 'getMeter'),
  endpoint: callback,
  redact: shape(redactOptions),
  propagate: boolean,
}

/** The middleware for the whole call, with another one for its attempts. */
export interface Otel extends Middleware {
  /**
   * To be put innermost. The span of an attempt is then open while the request is out: it takes the place of what an
   * instrumented `fetch` would report, with the secrets of the URL in it; an abort ends it, and requests in flight are counted.
   */
  readonly attempts: Middleware
}
