import { count as whole, read } from '@aplomb/pipeline'
import { createGates } from './gates.ts'
import { type MockApiOptions, settle } from './options.ts'

/**
 * The least time, in ms, in which this API can serve `count` requests that all want to start at once: what a client that
 * knows every limit, outage and failure in advance would need. `Infinity` where it cannot be done at all.
 *
 * It is not a formula but a run: the API's own gates on a clock of their own, each request sent at the earliest moment that
 * is accepted, with the latencies and failures that this seed really draws (a failed request is sent again at the next such
 * moment, though its limits are used up). It assumes a network without delay, nobody else on the API, clock-aligned windows
 * that begin with the first request, and for a `latencyMs` or `cost` function that all requests look like `sample`.
 */
export const leastTimeMs = (
  options: MockApiOptions,
  count: number,
  sample: Request = new Request('https://api.test/v1/lookup/192.0.2.1'),
): number => {
  read(whole({ from: 0 }), count, { of: 'leastTimeMs', path: 'count', root: {} })
  const settings = settle(options)
  const { concurrency, credits, flakyRate, flakyKinds } = settings
  if (settings.profile !== undefined) throw new TypeError('leastTimeMs: profile is none of what it can foresee')
  if (count > 0 && flakyRate === 1 && !flakyKinds.includes('slow-body')) return Infinity
  const gates = createGates(settings, () => 0)
  const cost = typeof credits?.cost === 'function' ? credits.cost(sample) : (credits?.cost ?? 0)
  let balance = credits?.balance ?? Infinity
  /** When each slot is free again. */
  const slots: number[] = []
  let now = 0
  let finishedAt = 0

  for (let served = 0, sent = 0; served < count; sent++) {
    const slot = slots.length < concurrency ? slots.length : earliest(slots)
    now = gates.opensAt(Math.max(now, slots[slot] ?? 0))
    if (now === Infinity || cost > balance + 1e-9) return Infinity
    const answeredAt = gates.accept(now) + settings.latencyMs(sent, sample)
    const flake = settings.flakeOf(sent)
    const doneAt = answeredAt + (flake === 'slow-body' ? settings.slowBodyMs : 0)
    const failed = flake !== undefined && flake !== 'slow-body'
    // A truncated answer was a 200 when it was charged.
    if (!failed || flake === 'truncate' || credits?.chargeErrors === true) balance -= cost
    if (Number.isFinite(concurrency)) slots[slot] = doneAt
    if (failed) continue
    served++
    finishedAt = Math.max(finishedAt, doneAt)
  }
  return finishedAt
}

const earliest = (slots: readonly number[]): number => {
  let best = 0
  for (let i = 1; i < slots.length; i++) if ((slots[i] ?? 0) < (slots[best] ?? 0)) best = i
  return best
}
