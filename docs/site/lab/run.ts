import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify } from '@aplomb/classify'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { createMockApi, leastTimeMs, type MockApiOptions } from '@aplomb/mock-api'
import { type CallEvent, createFetch, type Fetch, type Middleware } from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'
import { aplomb, type GateStats } from 'aplomb'
import { SLICE_MS } from './slices.ts'
import { across, drive, onClock, ORIGIN } from '../../../packages/bench/src/sim/simulate.ts'

/** What is tried: an API, calls, and how they are made. All that a link to the lab holds. */
export interface Settings {
  readonly api: MockApiOptions
  readonly calls: number
  /** Over how long the calls come in, in milliseconds; 0: all at once. */
  readonly overMs: number
  /** How many processes make them, each with a state of its own. */
  readonly processes: number
  readonly seed: number
}

export type ClientName = 'naive' | 'backoff' | 'hold' | 'gate' | 'aplomb'

/** Of each tenth of a second. */
export interface Slices {
  readonly ok: number[]
  readonly tooMany: number[]
  readonly failed: number[]
  readonly unpaid: number[]
  /** At its end: calls that wait to be sent. */
  readonly queued: number[]
}

/** Something that was decided, when and why. */
export interface Decision {
  readonly at: number
  readonly what: string
  readonly why: string
}

export interface Progress {
  readonly slices: Slices
  readonly seconds: number
  readonly answered: number
  readonly failed: number
  readonly sent: number
  readonly creditsSpent: number
}

export interface Result extends Progress {
  /** Of what the API can physically give; unknown if not all were answered. */
  readonly share: number | undefined
  readonly decisions: readonly Decision[]
}

const MOST_DECISIONS = 500

interface Client {
  readonly fetch: Fetch
  readonly stats: () => GateStats | undefined
}

/** The loop that everybody writes: what is not ok is sent again after 0.5, 1 and 2 seconds, then it has failed. */
const naive =
  (inner: Fetch): Fetch =>
  async (input, init) => {
    for (let attempt = 0; ; attempt++) {
      const response = await inner(input, init).catch((error: unknown) => error)
      if (attempt === 3 || (response instanceof Response && response.ok)) {
        if (response instanceof Response) return response
        throw response
      }
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt))
    }
  }

const MIDDLEWARES: Readonly<Record<'backoff' | 'hold' | 'gate', (gate: Middleware) => readonly Middleware[]>> = {
  backoff: () => [backoffJitter()],
  hold: () => [backoffJitter(), retryAfter(), classify()],
  gate: (gate) => [backoffJitter(), gate, retryAfter(), classify()],
}

const makeClient = (name: ClientName, fetch: Fetch, onEvent: (event: CallEvent) => void): Client => {
  if (name === 'naive') return { fetch: naive(fetch), stats: () => undefined }
  if (name !== 'aplomb') {
    const gate = concurrencyGate()
    return { fetch: createFetch(MIDDLEWARES[name](gate), { fetch, onEvent }), stats: () => gate.stats() }
  }
  const made = aplomb({ fetch, onEvent, log: false, creditMeter: {} })
  return { fetch: made, stats: made.stats }
}

const decisionOf = (event: CallEvent): Omit<Decision, 'at'> | undefined => {
  if (event.type === 'retry') {
    const soon = event.waitMs > 0 ? `sends again in ${Math.round(event.waitMs)} ms` : 'sends again'
    return { what: soon, why: event.reason }
  }
  if (event.type === 'hold') return { what: `holds all calls for ${Math.round(event.waitMs)} ms`, why: event.reason }
  if (event.type === 'limit') return { what: `${event.limit} at once instead of ${event.previous}`, why: event.reason }
  if (event.type === 'give-up') return { what: 'gives up', why: event.reason }
  return event.type === 'alert' ? { what: 'alerts', why: event.message } : undefined
}

/** Runs real clients against the real mock API on a clock that is turned by hand: the same for the same settings. */
export const run = (
  { api: options, calls, overMs, processes, seed }: Settings,
  name: ClientName,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Result> =>
  onClock(seed, async (clock) => {
    const api = createMockApi({ ...options, seed })
    const slices: Slices = { ok: [], tooMany: [], failed: [], unpaid: [], queued: [] }
    const decisions: Decision[] = []
    const began = performance.now()
    const now = (): number => performance.now() - began
    const sliceNow = (): number => Math.floor(now() / SLICE_MS)
    let answered = 0
    let failed = 0
    let lastAt = 0

    const note = (kind: keyof Slices): void => {
      const slice = sliceNow()
      for (const values of Object.values(slices)) while (values.length <= slice) values.push(0)
      slices[kind][slice] = (slices[kind][slice] ?? 0) + 1
    }
    const watched: Fetch = async (input, init) => {
      try {
        const response = await api.fetch(input, init)
        const { status } = response
        note(status < 400 || status === 404 ? 'ok' : status === 402 ? 'unpaid' : status === 429 ? 'tooMany' : 'failed')
        return response
      } catch (error) {
        note('failed')
        throw error
      }
    }

    const onEvent = (event: CallEvent): void => {
      const decision = decisions.length < MOST_DECISIONS ? decisionOf(event) : undefined
      if (decision) decisions.push({ at: now(), ...decision })
    }
    const clients = Array.from({ length: processes }, () => makeClient(name, across(watched), onEvent))
    const progress = (): Progress => {
      const { requests, creditsSpent } = api.stats()
      return { slices, seconds: lastAt / 1000, answered, failed, sent: requests, creditsSpent }
    }
    const state = { done: false }
    /** How many slices have their queue. */
    let sampled = 0
    const sample = (): void => {
      if (state.done) return
      const slice = sliceNow()
      for (const values of Object.values(slices)) while (values.length <= slice) values.push(0)
      // Samples drift: now and then one is for two slices.
      slices.queued.fill(
        clients.reduce((sum, { stats }) => sum + (stats()?.queued ?? 0), 0),
        Math.min(sampled, slice),
      )
      sampled = slice + 1
      lastAt = now()
      onProgress(progress())
      setTimeout(sample, SLICE_MS)
    }
    sample()
    const call = async (_: unknown, i: number): Promise<void> => {
      if (overMs > 0) await new Promise((resolve) => setTimeout(resolve, (overMs * i) / calls))
      try {
        const response = await clients[i % processes]!.fetch(`${ORIGIN}/v1/lookup/10.0.${(i >> 8) & 255}.${i & 255}`)
        await response.arrayBuffer()
        if (response.ok || response.status === 404) answered++
        else failed++
      } catch {
        failed++
      }
      lastAt = now()
    }
    await drive(clock, Promise.all(Array.from({ length: calls }, call)))
    state.done = true
    const end = progress()
    const leastMs = failed === 0 ? Math.max(overMs, leastTimeMs({ ...options, seed }, calls)) : undefined
    return { ...end, share: leastMs && Math.min(1, leastMs / lastAt), decisions }
  })
