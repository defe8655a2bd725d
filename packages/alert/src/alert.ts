import { endpointOf, keyed, middleware, notify, type Middleware } from '@aplomb/pipeline'
import { redaction, type RedactOptions } from '@aplomb/redact'
import { newOutbox, type Sink } from './outbox.ts'
import { type ErrorRateOptions, rateTest } from './rate.ts'
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

const sinksOf = (to: unknown): readonly Sink[] => {
  const sinks: readonly unknown[] = Array.isArray(to) ? to : [to]
  if (sinks.length === 0 || !sinks.every((sink) => typeof sink === 'function'))
    throw new TypeError(
      `alert: to must be a function or a list of functions, got ${sinks.length === 0 ? 'none' : typeof to}`,
    )
  return sinks as readonly Sink[]
}

/**
 * Makes a middleware, to be put outermost, that tells people once of what only people can mend, and when it is over:
 * an API that wants money, fails more than usual, or holds calls off. No call ever waits for an alert.
 *
 * @throws {RangeError | TypeError} if an option makes no sense.
 * @example
 * const alerts = alert({ to: slack(process.env.SLACK_WEBHOOK_URL) })
 * const fetch = createFetch([alerts, backoffJitter(), classify()])
 */
export const alert = ({
  to = toConsole,
  errorRate = {},
  holdMs = 60_000,
  coolDownMs = 3_600_000,
  endpoint = (request: Request) => endpointOf(request.url),
  redact,
}: AlertOptions = {}): Alerts => {
  for (const [name, value] of Object.entries({ holdMs, coolDownMs }))
    if (!(value >= 0)) throw new RangeError(`alert: ${name} must be 0 or more, got ${value}`)
  if (typeof endpoint !== 'function') throw new TypeError(`alert: endpoint must be a function, got ${typeof endpoint}`)
  const outboxes = sinksOf(to).map(newOutbox)
  const newRate = errorRate === false ? undefined : rateTest(errorRate)
  // However many keys there are, the memory is bounded: even one that is in trouble may be forgotten for a thousand others.
  const states = keyed(
    () => newKeyState(coolDownMs, newRate),
    () => 'idle',
  )
  const desk: Desk = {
    endpoint: (request) => {
      try {
        return endpoint(request)
      } catch (error) {
        // An alert is not lost for want of a name.
        console.error('aplomb: the endpoint function failed; the path is named instead:', error)
        return endpointOf(request.url)
      }
    },
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
