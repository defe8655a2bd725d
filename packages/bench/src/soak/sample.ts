import { getEventListeners } from 'node:events'

/** Resources in use when no call is in flight: what grows from one sample to the next is a leak. */
export interface Sample {
  readonly atMs: number
  readonly heapBytes: number
  readonly sockets: number
  readonly timers: number
  readonly listeners: number
  /** Calls that a key still counts as in flight or in line. */
  readonly counted: number
}

const FIGURES = ['heapBytes', 'sockets', 'timers', 'listeners', 'counted'] as const

/** How many samples a median is of. */
export const SAMPLES = 10

/** What the heap may have grown by. */
const MAX_GROWTH = 0.02

const SOCKETS = ['TCPSocketWrap', 'TCPSERVERWRAP', 'TCPConnectWrap']
const TIMERS = ['Timeout', 'Immediate']

export const takeSample = (atMs: number, signal: AbortSignal, counted: number): Sample => {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('Run it with --expose-gc.')
  // Compiled code that was not run for long goes, too: five megabytes, at a time of V8's choosing. What finalizers let go of goes with the second one.
  for (let i = 0; i < 2; i++) gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const resources = process.getActiveResourcesInfo()
  const count = (names: readonly string[]) => resources.filter((name) => names.includes(name)).length
  return {
    atMs,
    heapBytes: process.memoryUsage().heapUsed,
    sockets: count(SOCKETS),
    timers: count(TIMERS),
    listeners:
      getEventListeners(signal, 'abort').length +
      process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    counted,
  }
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2
}

export interface Comparison {
  readonly figure: (typeof FIGURES)[number]
  readonly before: number
  readonly after: number
  readonly flat: boolean
}

/** The medians of the first samples after `fromMs`, and of the last ones. */
export const compare = (samples: readonly Sample[], fromMs: number): readonly Comparison[] => {
  const settled = samples.filter(({ atMs }) => atMs >= fromMs)
  if (settled.length < 2 * SAMPLES) throw new RangeError(`Only ${settled.length} samples: it has to run for longer.`)
  return FIGURES.map((figure) => {
    const of = (some: readonly Sample[]) => median(some.map((sample) => sample[figure]))
    const [before, after] = [of(settled.slice(0, SAMPLES)), of(settled.slice(-SAMPLES))]
    return { figure, before, after, flat: after <= before * (1 + MAX_GROWTH) }
  })
}
