import { setTimeout as sleep } from 'node:timers/promises'
import { leastTimeMs, type MockApiOptions, type MockApiStats } from '@aplomb/mock-api'
import type { Told } from '../fleet/peers/limiters.ts'
import type { Mode } from '../sim/modes.ts'
import type { Callings, Task } from './caller.ts'
import type { ClientName } from './clients.ts'
import { start } from './start.ts'

/** The pause before a job, in milliseconds: on a busy machine, processes hear of the warm-up's last answer so late. */
const SETTLED_MS = 100

/** One client in one mode, once. */
export interface Run {
  readonly calls: number
  readonly answered: number
  /** How often each error was thrown, by its message. */
  readonly errors: Readonly<Record<string, number>>
  /** From the first call to the last one settled, in whatever process. */
  readonly wallMs: number
  /** The time the API itself needs for all calls. */
  readonly leastMs: number
  /** The server's own count. */
  readonly server: MockApiStats
}

/** What the API allows, for those that have to be told. */
export const toldOf = ({ concurrency, windows = [] }: MockApiOptions): Told => ({
  atOnce: concurrency,
  perSecond: windows[0]?.limit,
  burst: windows[0]?.burst,
})

/**
 * Throws all calls of a mode at a fresh API, at once, after the warm-up. The API has a process of its own, the callers have as
 * many as the mode says.
 */
export const run = async (client: ClientName, { scenario, processes = 1 }: Mode, seed: number): Promise<Run> => {
  const { calls, clients = 1, warmUp = 250 } = scenario
  const options = { ...scenario.api, seed }
  await using children = new AsyncDisposableStack()

  const api = children.use(start(new URL('./api.ts', import.meta.url)))
  const callers = Array.from({ length: processes }, () => children.use(start(new URL('./caller.ts', import.meta.url))))
  api.send(options)
  const origin = (await api.next()) as string
  await Promise.all(
    callers.map((caller, process) => {
      caller.send({
        client,
        told: toldOf(scenario.api),
        origin,
        clients: clients / processes,
        calls,
        warmUp,
        process,
      } satisfies Task)
      return caller.next()
    }),
  )
  // What is on its way between processes has arrived.
  await sleep(SETTLED_MS)
  for (const caller of callers) caller.send('go')
  const callings = (await Promise.all(callers.map((caller) => caller.next()))) as readonly Callings[]
  api.send('stats')
  const server = (await api.next()) as MockApiStats

  const errors: Record<string, number> = {}
  for (const one of callings) {
    for (const [message, count] of Object.entries(one.errors)) errors[message] = (errors[message] ?? 0) + count
  }
  return {
    calls: calls * clients,
    answered: callings.reduce((sum, { answered }) => sum + answered, 0),
    errors,
    wallMs: Math.max(...callings.map(({ endedAt }) => endedAt)) - Math.min(...callings.map(({ beganAt }) => beganAt)),
    leastMs: leastTimeMs(options, calls * clients),
    server,
  }
}
