import { alert } from '@aplomb/alert'
import { respond } from '@aplomb/mock-api'
import { otel } from '@aplomb/otel'
import type { Meter, MeterProvider, Span, Tracer, TracerProvider } from '@opentelemetry/api'
import { aplomb, unwrap } from 'aplomb'
import { inspect } from 'node:util'
import { leakIn } from './leak.ts'
import { CARRIED, type Scene, TOLD } from './places.ts'
import { SECRETS } from './secrets.ts'
import { SPELLINGS } from './spellings.ts'

/** Telemetry that keeps all that it is given. */
const telemetry = (keep: (one: unknown) => void): { tracerProvider: TracerProvider; meterProvider: MeterProvider } => {
  const span = {
    isRecording: () => true,
    end: () => undefined,
    spanContext: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 }),
    ...Object.fromEntries(
      ['setAttributes', 'setAttribute', 'addEvent', 'setStatus', 'updateName', 'recordException'].map((name) => [
        name,
        (...args: unknown[]) => {
          keep(args)
          return span
        },
      ]),
    ),
  } as unknown as Span
  const tracer = {
    startSpan: (...args: unknown[]) => {
      keep(args.slice(0, 2))
      return span
    },
  } as unknown as Tracer
  const instrument = { add: (...args: unknown[]) => keep(args), record: (...args: unknown[]) => keep(args) }
  const meter = new Proxy({} as Meter, { get: () => () => instrument })
  return { tracerProvider: { getTracer: () => tracer }, meterProvider: { getMeter: () => meter } }
}

/** All that is written down of a call: records, alerts, spans, metrics, events and errors. */
const writtenOf = async ({ url, headers = {}, added = {}, said, failure }: Scene): Promise<string> => {
  const kept: unknown[] = []
  const keep = (one: unknown): void => void kept.push(one)
  const traces = otel(telemetry(keep))
  const alerts = alert({ to: keep, errorRate: { windowMs: 60_000, minAttempts: 1 } })
  const fetch = aplomb({
    fetch: respond(
      failure
        ? new TypeError('fetch failed', { cause: Object.assign(new Error(said), { code: 'ECONNRESET', name: said }) })
        : {
            status: 402,
            body: { message: said, error: { code: said } },
            headers: { 'x-error-message': encodeURI(said), 'x-request-id': 'req_011CSHoEeqs5C35K2UUqR7Fy' },
          },
    ),
    log: { sink: keep },
    creditMeter: { budget: 1000, onAlert: keep },
    backoffJitter: { maxAttempts: 1 },
    observe: [alerts, traces],
    onEvent: (event) => keep(inspect(event, { depth: 8 })),
    use: [
      (request, next) => {
        if (Object.keys(added).length === 0) return next(request)
        return next(new Request(request, { headers: { ...Object.fromEntries(request.headers), ...added } }))
      },
      traces.attempts,
    ],
  })
  // What fetch rejects with is not ours, and stays as it was.
  const thrown: unknown = await unwrap(fetch(url, { headers })).catch((error: unknown) => error)
  if (!failure) kept.push(inspect(thrown, { depth: 8 }), String(thrown), { ...(thrown as object) })
  await alerts.flush()
  return JSON.stringify(kept)
}

/** One secret in one place in one spelling. */
export interface Case {
  readonly name: string
  readonly core: string
  readonly scene: Scene
}

/** Forty kinds, twelve places, fifteen spellings. */
export const cases = (): readonly Case[] =>
  SECRETS.flatMap(({ kind, name, value, core }) =>
    Object.entries({ ...CARRIED, ...TOLD }).flatMap(([where, place]) =>
      Object.entries(SPELLINGS).flatMap(([how, spell]) =>
        spell(value)
          // A cut ends the text; there it is looked at without all the rest.
          .filter((_, i, { length }) => !how.startsWith('cut') || i === Math.floor(length / 2))
          .map((said) => {
            const scene = place({ value, name }, said)
            const end = how.startsWith('cut') ? scene.said.indexOf(said) + said.length : Infinity
            return { name: `${kind}, ${where}, ${how}`, core, scene: { ...scene, said: scene.said.slice(0, end) } }
          }),
      ),
    ),
  )

/** The cases in which something of a secret was written down. */
export const leaks = async (some: readonly Case[]): Promise<string[]> => {
  const found: string[] = []
  for (const { name, core, scene } of some) {
    const part = leakIn(await writtenOf(scene), core)
    if (part !== undefined) found.push(`${name}: "${part}" of ${scene.said}`)
  }
  return found
}
