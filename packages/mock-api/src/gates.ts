import type { OutageSettings, Settings } from './options.ts'
import { createWindow, type Window } from './windows.ts'

export type Refusal =
  | { readonly reason: 'outage'; readonly outage: OutageSettings }
  | { readonly reason: 'window'; readonly violated: readonly Charge[] }
  | { readonly reason: 'concurrency'; readonly lock?: string | undefined }
  | { readonly reason: 'overload' | 'credits' }

/** What a request takes of a window. */
export interface Charge {
  readonly window: Window
  readonly weight: number
}

/** Everything that time alone decides. The live API and `leastTimeMs` both go through it, so they cannot disagree. */
export interface Gates {
  /** One of every window, which is what a request takes that nobody weighs. */
  readonly charges: readonly Charge[]
  check(now: number, charges?: readonly Charge[]): Refusal | undefined
  /** Lets a request through; gives the moment the server has done its work. */
  accept(now: number, charges?: readonly Charge[]): number
  /** Turns a request away; gives the moment the answer leaves. */
  refuse(now: number, refusal: Refusal): number
  /** The earliest moment, from `now` on, at which `check` lets a request through. */
  opensAt(now: number): number
}

export const createGates = (settings: Settings, phaseOf: (windowMs: number) => number): Gates => {
  const { outages, work } = settings
  const ones = settings.windows.map((window) => ({ window: createWindow(window, phaseOf(window.windowMs)), weight: 1 }))
  const unitMs = work === undefined ? 0 : 1000 / work.perSecond
  const roomMs = work === undefined ? Infinity : work.maxQueued * unitMs
  let idleAt = 0

  // A queued request meets the outage when its turn comes, not when it arrives.
  const outageFor = (now: number) => {
    const turn = Math.max(now, idleAt)
    return outages.find(({ fromMs, toMs }) => fromMs <= turn && turn < toMs)
  }
  const occupy = (now: number, units: number) => (idleAt = Math.max(now, idleAt) + units * unitMs)

  return {
    charges: ones,
    check(now, charges = ones) {
      const outage = outageFor(now)
      if (outage !== undefined) return { reason: 'outage', outage }
      if (idleAt - roomMs > now) return { reason: 'overload' }
      const violated = charges.filter(({ window, weight }) => window.freeAt(now, weight) > now)
      return violated.length > 0 ? { reason: 'window', violated } : undefined
    },
    accept(now, charges = ones) {
      for (const { window, weight } of charges) window.take(now, weight)
      return occupy(now, 1)
    },
    refuse(now, { reason }) {
      if (reason !== 'outage' && reason !== 'overload') {
        for (const { window } of ones) if (window.settings.counts === 'arrivals') window.take(now)
      }
      const turn = occupy(now, work?.rejectionCost ?? 0)
      return reason === 'outage' ? turn : now
    },
    opensAt(now) {
      let at = now
      for (let before = NaN; before !== at;) {
        before = at
        at = Math.max(at, outageFor(at)?.toMs ?? at, idleAt - roomMs)
        for (const { window } of ones) at = Math.max(at, window.freeAt(at))
      }
      return at
    },
  }
}
