import { aplomb, type Store, unwrap } from 'aplomb'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from './settings.ts'

export const CLIENTS = ['naive', 'aplomb'] as const
/** And `aplomb` in several processes: each for itself, or as one fleet. */
export const FLEETS = ['apart', 'fleet'] as const
export type ClientName = (typeof CLIENTS)[number] | (typeof FLEETS)[number]

/** One request as its client saw it. Times in ms, `sentAt` of the epoch. */
export interface Attempt {
  readonly sentAt: number
  /** From sending to the headers of the answer. */
  readonly headersMs: number
  /** 0 if there was no answer. */
  readonly status: number
  /** Spent before it was sent, since the attempt before: in the queue, then on hold. */
  readonly queueMs: number
  readonly holdMs: number
  readonly backoffMs: number
}

export interface Client {
  /** Gives the record, or null if there is none. */
  readonly lookup: (url: string) => Promise<unknown>
  /** What it is doing, in a few words. */
  readonly doing: () => string
}

export type Observe = (attempt: Attempt) => void

/** The loop that everybody writes: what is not ok is sent again after 0.5, 1 and 2 seconds, then it has failed. */
const naive = (observe: Observe): Client => {
  let inFlight = 0
  let backingOff = 0

  const send = async (url: string, backoffMs: number): Promise<Response> => {
    const sentAt = Date.now()
    const began = performance.now()
    let status = 0
    inFlight++
    try {
      const response = await fetch(url)
      status = response.status
      return response
    } finally {
      inFlight--
      observe({ sentAt, headersMs: performance.now() - began, status, queueMs: 0, holdMs: 0, backoffMs })
    }
  }

  return {
    lookup: async (url) => {
      let backoffMs = 0
      for (let attempt = 1; ; attempt++) {
        try {
          const response = await send(url, backoffMs)
          if (!response.ok) throw new Error(`HTTP ${response.status}`)
          return await response.json()
        } catch (error) {
          if (attempt === 4) throw error
          backoffMs = 500 * 2 ** (attempt - 1)
          backingOff++
          await sleep(backoffMs)
          backingOff--
        }
      }
    },
    doing: () => `${inFlight} in flight, ${backingOff} backing off`,
  }
}

/** Told nothing but the budget and which route is a lookup; `onEvent` only watches. */
const composed = (observe: Observe, { credits }: Settings, store?: Store): Client => {
  const fetch = aplomb({
    store,
    creditMeter: { budget: credits },
    classify: { lookups: '/v1/lookup/:ip' },
    onEvent: (event) => {
      if (event.type !== 'attempt') return
      const { sentAt, headersMs, response, queueMs, holdMs, backoffMs } = event
      observe({ sentAt, headersMs, status: response?.status ?? 0, queueMs, holdMs, backoffMs })
    },
  })
  return {
    lookup: async (url) => unwrap(await fetch(url)),
    doing: () => {
      const { queued = 0, active = 0, limit = 0 } = fetch.stats() ?? {}
      return `${queued} queued, ${active}/${limit} slots`
    },
  }
}

export const createClient: Readonly<
  Record<(typeof CLIENTS)[number], (observe: Observe, settings: Settings, store?: Store) => Client>
> = {
  naive,
  aplomb: composed,
}
