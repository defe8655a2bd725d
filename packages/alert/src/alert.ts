import {
  callback,
  either,
  endpointOf,
  guarded,
  keyed,
  type KindsOf,
  list,
  middleware,
  type Middleware,
  milliseconds,
  notify,
  oneOf,
  readOptions,
  shape,
  string,
} from '@aplomb/pipeline'
import { redaction, redactOptions, type RedactOptions } from '@aplomb/redact'
import { newOutbox, type Sink } from './outbox.ts'
import { type ErrorRateOptions, errorRateOptions, rateTest } from './rate.ts'
import { newKeyState } from './state.ts'
import type { Desk } from './tell.ts'
import { newWatch } from './watch.ts'
import { isDelivery } from './webhook.ts'

/** Options of {@link alert}. */
export interface AlertOptions {
  /** Where alerts go: functions that get each {@link Alert}, such as `slack(url)` and `webhook(url)`. @default console.error */
  readonly to?: Sink | readonly Sink[] | undefined
  /** What counts as more errors than usual. `false`: nothing does. */
  readonly errorRate?: ErrorRateOptions | false | undefined
  /** For how long the server may let no call through, in milliseconds. @default 60000 */
  readonly holdMs?: number | undefined
  /** When to tell again of what still goes on, in milliseconds. @default 3600000 */
  readonly coolDownMs?: number | undefined
  /** The endpoint to name. @default the URL's path, with `:id` for what looks like one */
  readonly endpoint?: ((request: Request) => string) | undefined
  /** What may be shown beyond what is known to be harmless, and what else may not. */
  readonly redact?: RedactOptions | undefined
}

/** The middleware, and a way to wait for its alerts. */
export interface Alerts extends Middleware {
  /** Resolves when every alert so far is delivered or given up. For a process that is about to end. */
  flush(): Promise<void>
}

/** Of what is told by calls that begin while an alert is delivered. */
const LEAST_COOL_DOWN_MS = 3_600_000

const toConsole: Sink = ({ message }) => console.error(`aplomb: ${message}`)

const sinks = list(callback, 'a list of at least one')

const alertOptions: KindsOf<AlertOptions> = {
  to: either(callback, { ...sinks, fits: ({ length }: readonly Sink[]) => length > 0 }),
  errorRate: either(oneOf(false), shape(errorRateOptions)),
  holdMs: milliseconds({ from: 0 }),
  coolDownMs: milliseconds({ from: 0 }),
  endpoint: callback,
  redact: shape(redactOptions),
}

const pathOf = ({ url }: Request): string => endpointOf(url)

/**
 * Makes a middleware, to be put outermost, that tells people once of what only people can mend, and when it is over:
 * an API that wants money, fails more than usual, or holds calls off. No call ever waits for an alert.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const alerts = alert({ to: slack(process.env.SLACK_WEBHOOK_URL) })
 * const fetch = createFetch([alerts, backoffJitter(), classify()])
 */
export const alert = (options: AlertOptions = {}): Alerts => {
  const {
    to = toConsole,
    errorRate,
    holdMs = 60_000,
    coolDownMs = 3_600_000,
    endpoint = pathOf,
    redact,
  } = readOptions('alert', options, alertOptions)
  const outboxes = [to].flat().map((sink) => newOutbox(sink))
  const newRate = errorRate === false ? undefined : rateTest(errorRate)
  // However many keys there are, the memory is bounded: even one that is in trouble may be forgotten for a thousand others.
  const states = keyed(
    () => newKeyState(coolDownMs, newRate),
    () => 'idle',
  )
  const desk: Desk = {
    endpoint: guarded(endpoint, {
      name: 'alert.endpoint',
      answers: string(),
      instead: 'the path is named',
      fallback: pathOf,
    }),
    redactorFor: redaction(redact),
    post: (one) => {
      for (const outbox of outboxes) outbox.post(Object.freeze(one))
    },
  }

  const made = middleware('alert', async (request, next, call) => {
    if (isDelivery(request)) return next(request)
    // It may be a sink's own: then its alerts lead to more of them, and no cool-down of the user's would end that.
    const leastCoolDownMs = outboxes.some(({ busy }) => busy) ? LEAST_COOL_DOWN_MS : 0
    const watch = newWatch(call, request, states(call.key), desk, { holdMs, leastCoolDownMs })
    const stopHearing = call.on(watch.hear)
    try {
      return await next(request)
    } finally {
      notify(watch.end, undefined)
      stopHearing()
    }
  })
  return Object.assign(made, {
    flush: async () => void (await Promise.all(outboxes.map(({ emptied }) => emptied()))),
  })
}
