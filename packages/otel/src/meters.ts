import { KINDS, type VerdictKind } from '@aplomb/pipeline'
import type { Attributes, Meter } from '@opentelemetry/api'
import { targetOf, type Subject } from './subject.ts'
import type { Outcome, Watcher } from './watcher.ts'

/** Makes a watcher for each call. */
export type Meters = (subject: Subject) => Watcher

/** What the semantic conventions advise for requests. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** Waits last longer. */
const WAIT_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

/** A refusal for want of room, time or money. */
const isRejection = (kind: VerdictKind): boolean => KINDS[kind].limit || KINDS[kind].money

const seconds = ({ startedAt, endedAt }: Outcome): number => (endedAt - startedAt) / 1000

/** Makes the instruments. */
export const newMeters = (meter: Meter): Meters => {
  const histogram = (name: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries } })

  const requests = histogram('http.client.request.duration', 'Duration of HTTP client requests.', REQUEST_SECONDS)
  const durations = histogram('aplomb.call.duration', 'Duration of calls, with all waits and attempts.', WAIT_SECONDS)
  const waits = histogram('aplomb.wait.duration', 'Time that calls have waited before an attempt.', WAIT_SECONDS)
  const attempts = meter.createCounter('aplomb.attempts', { description: 'Requests sent.', unit: '{attempt}' })
  const retries = meter.createCounter('aplomb.retries', { description: 'Decisions to send again.', unit: '{retry}' })
  const rejections = meter.createCounter('aplomb.rejections', {
    description: 'Requests that the server refused for want of room, time or money.',
    unit: '{attempt}',
  })
  const calls = meter.createUpDownCounter('aplomb.calls.active', {
    description: 'Calls that have begun and not ended, waits included.',
    unit: '{call}',
  })
  const flights = meter.createUpDownCounter('http.client.active_requests', {
    description: 'Number of active HTTP requests.',
    unit: '{request}',
  })
  const limits = meter.createGauge('aplomb.concurrency.limit', {
    description: 'Requests allowed in flight at once.',
    unit: '{request}',
  })
  const spent = meter.createCounter('aplomb.credits.spent', { description: 'Credits spent.', unit: '{credit}' })
  const left = meter.createGauge('aplomb.credits.left', { description: 'Credits left.', unit: '{credit}' })

  return (subject) => {
    const { key, named, request } = subject
    const about = (one: Request): Attributes => ({
      ...targetOf(one),
      ...(named && { 'url.template': subject.template }),
    })
    const target = about(request)
    const account = { 'aplomb.key': key, 'server.address': target['server.address'] }
    let kind: VerdictKind = 'unknown'
    const { redactor } = subject
    calls.add(1, target)

    return {
      send: () => flights.add(1, target),
      land: () => flights.add(-1, target),
      waited: (wait, _at, ms) => waits.record(ms / 1000, { ...target, 'aplomb.wait': wait }),
      attempt: (attempt) => {
        const { end, failure } = attempt
        const status = 'response' in end && end.response.status
        kind = attempt.verdict.kind
        requests.record(seconds(attempt), {
          ...about(attempt.request),
          ...(status && { 'http.response.status_code': status }),
          ...(failure && { 'error.type': failure.type }),
        })
        attempts.add(1, { ...target, 'aplomb.verdict': kind })
        if (isRejection(kind)) rejections.add(1, { ...target, 'aplomb.verdict': kind })
      },
      credits: (cost, remaining) => {
        if (cost !== undefined) spent.add(cost, account)
        if (remaining !== undefined) left.record(remaining, account)
      },
      event: (event) => {
        if (event.type === 'retry')
          retries.add(1, { ...target, 'aplomb.verdict': kind, 'aplomb.by': redactor.text(event.by) })
        else if (event.type === 'limit' || event.type === 'queue') limits.record(event.limit, account)
      },
      end: (outcome) => {
        calls.add(-1, target)
        durations.record(seconds(outcome), { ...target, 'aplomb.verdict': outcome.verdict.kind })
      },
    }
  }
}
