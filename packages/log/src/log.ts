import {
  callback,
  either,
  endpointOf,
  guarded,
  keyed,
  having,
  type KindsOf,
  type Middleware,
  notify,
  onAbort,
  oneOf,
  readOptions,
  relay,
  shape,
  string,
} from '@aplomb/pipeline'
import { redaction, redactOptions, type RedactOptions } from '@aplomb/redact'
import { newDiary, type End } from './diary.ts'
import { newNews } from './news.ts'
import type { Level } from './record.ts'
import { outputTo, type Logger, type Sink } from './sink.ts'

/** Options of {@link log}. */
export interface LogOptions {
  /**
   * Where records go: a function, or a logger with `info`, `warn` and `error` (pino, winston, console).
   * @default `debug`, as `aplomb:attempt`, `aplomb:retry`, `aplomb:call`, `aplomb:hold`, `aplomb:limit` and `aplomb:alert`
   */
  readonly sink?: Sink | Logger | undefined
  /** Less urgent records are not built. Retries and failed attempts are `warn`, failed calls and billing `error`. @default 'info' */
  readonly level?: Level | undefined
  /** What may be shown beyond what is known to be harmless, and what else may not. */
  readonly redact?: RedactOptions | undefined
  /** The endpoint a request is logged under. @default the URL's path, with `:id` for what looks like one */
  readonly endpoint?: ((request: Request) => string) | undefined
}

/** What each option takes. */
export const logOptions: KindsOf<LogOptions> = {
  sink: either(callback, having('a logger with info, warn and error', 'info', 'warn', 'error')),
  level: oneOf('info', 'warn', 'error'),
  redact: shape(redactOptions),
  endpoint: callback,
}

const pathOf = ({ url }: Request): string => endpointOf(url)

/**
 * Makes a middleware, to be put outermost, that writes one structured and redacted record per attempt, per retry
 * decision, per call, and per change of what a whole key waits for. It builds none if nobody listens.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([log({ sink: pino() }), backoffJitter(), classify()])
 */
export const log = (options: LogOptions = {}): Middleware => {
  const { sink, level = 'info', redact, endpoint = pathOf } = readOptions('log', options, logOptions)
  const nameOf = guarded(endpoint, {
    name: 'log.endpoint',
    answers: string(),
    instead: 'the path is named',
    fallback: pathOf,
  })
  const output = outputTo(sink, level)
  const redactorFor = redaction(redact)
  const newsOf = keyed(newNews, () => 'idle')

  return relay('log', async (outgoing, next, call) => {
    if (!output.isOn()) return next()
    const { request } = outgoing
    const diary = newDiary(call, request, {
      output,
      redactor: redactorFor(request, call.key),
      endpoint: nameOf,
      newsOf,
    })
    const stopHearing = call.on(diary.hear)
    // The caller is gone before the middlewares below are: the inner fetch may not even listen to the signal.
    const end = (how: End): void => notify(diary.end, how)
    const abort = (): void => end({ error: call.signal.reason })
    const stopListening = onAbort(call.signal, abort)
    try {
      const response = await next()
      end({ response })
      return response
    } catch (error) {
      end({ error })
      throw error
    } finally {
      stopListening()
      stopHearing()
    }
  })
}
