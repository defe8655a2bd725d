import { alert } from '@aplomb/alert'
import { otel } from '@aplomb/otel'
import type { Fetch, Middleware } from '@aplomb/pipeline'
import { aplomb, backoffJitter, classify, concurrencyGate, createFetch, creditMeter, log, retryAfter } from 'aplomb'
import { instant } from './answer.ts'

/** What is measured: how a call is made. */
export interface Subject {
  readonly name: string
  readonly fetch: Fetch
}

const pass: Middleware = (request, next) => next(request)
const alone = (name: string, one: Middleware): Subject => ({ name, fetch: createFetch([one], { fetch: instant }) })

/** Somebody who hears every record, and keeps none. */
const sink = (): void => undefined

/** What everything else is compared with, first. Log writes to `debug`, which is off, unless something else is said. */
export const subjects = (): readonly Subject[] => [
  { name: 'fetch', fetch: instant },
  { name: 'createFetch([])', fetch: createFetch([], { fetch: instant }) },
  alone('a middleware that does nothing', pass),
  alone('log', log()),
  alone('backoff-jitter', backoffJitter()),
  alone('concurrency-gate', concurrencyGate()),
  alone('retry-after', retryAfter()),
  alone('credit-meter', creditMeter()),
  alone('classify', classify()),
  alone('alert', alert()),
  alone('otel, without an SDK', otel()),
  { name: 'aplomb({ log: false })', fetch: aplomb({ fetch: instant, log: false }) },
  { name: 'aplomb()', fetch: aplomb({ fetch: instant }) },
  { name: 'aplomb({ log: { sink } })', fetch: aplomb({ fetch: instant, log: { sink } }) },
]
