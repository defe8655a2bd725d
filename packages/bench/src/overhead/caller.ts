import { getEventListeners } from 'node:events'
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { link } from '../goodput/link.ts'
import { instant } from './answer.ts'
import { type ClientName, createClient } from './clients.ts'

/** What a process of calls is for. */
export interface Task {
  readonly client: ClientName
  /** Where the API is; without one, an instant answer in the process. */
  readonly origin: string | undefined
}

/** Calls to make, so many at once. */
export interface Order {
  readonly calls: number
  readonly inFlight: number
  /** Whether all have one signal in common. */
  readonly oneSignal: boolean
}

/** What they took, all together. */
export interface Spent {
  readonly cpuUs: number
  readonly wallMs: number
  /** Those on the signal, when all had been answered. */
  readonly listeners: number
  /** Allocated on the heap; undefined if any was collected meanwhile. */
  readonly heapBytes: number | undefined
}

// A task in; then orders in, one after the other, and what each took out.
const parent = link(process)
// Killed or not, whoever started it waits no more.
process.once('disconnect', () => process.exit())
const { client, origin } = (await parent.next()) as Task
const call = await createClient[client](
  origin ?? 'https://api.example.com',
  origin === undefined ? instant : (input, init) => fetch(input, init),
)
parent.send('ready')

let collections = 0
const observer = new PerformanceObserver((list) => (collections += list.getEntries().length))
observer.observe({ entryTypes: ['gc'] })

for (;;) {
  const { calls, inFlight, oneSignal } = (await parent.next()) as Order
  const signal = oneSignal ? new AbortController().signal : undefined
  let left = calls
  const work = async (): Promise<void> => {
    while (left-- > 0) await call(signal)
  }
  // With the flag for it, all that is allocated from here on is the calls'.
  globalThis.gc?.()
  // The second one waits until what the first has found is swept.
  globalThis.gc?.()
  // It is told of a turn later.
  await setImmediate()
  observer.takeRecords()
  collections = 0
  const heapBefore = process.memoryUsage().heapUsed
  const began = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, work))
  const { user, system } = process.cpuUsage(before)
  const wallMs = performance.now() - began
  const heapUsed = process.memoryUsage().heapUsed - heapBefore
  await setImmediate()
  const collected = collections + observer.takeRecords().length > 0
  const heapBytes = collected ? undefined : heapUsed
  const listeners = signal ? getEventListeners(signal, 'abort').length : 0
  parent.send({ cpuUs: user + system, wallMs, listeners, heapBytes } satisfies Spent)
}
