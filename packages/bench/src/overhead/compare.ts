import { type Child, start } from '../goodput/start.ts'
import type { Order, Spent, Task } from './caller.ts'
import { BARE, type ClientName } from './clients.ts'

/** How much is measured of each client. */
export interface Scale {
  /** How often it is started anew. */
  readonly starts: number
  /** The calls that count as the first. */
  readonly first: number
  /** Calls of the last start before it is measured further. */
  readonly warmUp: number
  /** How often everybody is measured then, in turns. */
  readonly rounds: number
  /** Calls per round, one after the other; and as many with `inFlight` at once. */
  readonly calls: number
  readonly inFlight: number
  /** Calls in a row on one signal. */
  readonly onSignal: number
}

export const FULL: Scale = {
  starts: 7,
  first: 100,
  warmUp: 20_000,
  rounds: 11,
  calls: 1000,
  inFlight: 64,
  onSignal: 10_000,
}

/** What was measured of a client; what has the same index was measured within the same moment. */
export interface Measured {
  /** CPU of the whole process, in microseconds per call. */
  readonly firstUs: number[]
  readonly steadyUs: number[]
  /** Calls per second, with so many in flight. */
  readonly perSecond: number[]
  /** Allocated on the heap, in bytes per call. */
  readonly heapBytes: number[]
}

/** What calls in a row on one signal took, and left on it. */
export interface OnSignal {
  readonly cpuUs: number
  readonly wallMs: number
  readonly listeners: number
}

/** A young generation in MB that is not full before all calls have been made: so nothing is collected meanwhile. */
const ROOMY = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']

const ALLOCATION_ROUNDS = 3

const caller = async (task: Task, flags?: string[]): Promise<Child> => {
  const child = start(new URL('./caller.ts', import.meta.url), flags)
  child.send(task)
  await child.next()
  return child
}

const order = async (child: Child, { calls, inFlight = 1, oneSignal = false }: Partial<Order>): Promise<Spent> => {
  child.send({ calls: calls as number, inFlight, oneSignal } satisfies Order)
  return (await child.next()) as Spent
}

/** Bare fetch is always among them: it is what the others are compared with. */
const withBare = (names: readonly ClientName[]): readonly ClientName[] => [...new Set([BARE, ...names])]

/** Each time somebody else begins. */
const turned = <T>(items: readonly T[], round: number): readonly T[] => {
  const first = round % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}

/**
 * Measures clients against an API on loopback, or against an instant answer in the process. Each has a process of its own, and
 * only one of them works at a time, so that none is optimised for what another does.
 */
export const compare = async (
  names: readonly ClientName[],
  origin: string | undefined,
  { starts, first, warmUp, rounds, calls, inFlight }: Scale,
  progress: (what: string) => void = () => undefined,
): Promise<ReadonlyMap<ClientName, Measured>> => {
  const all = withBare(names)
  const found = new Map<ClientName, Measured>(
    all.map((name) => [name, { firstUs: [], steadyUs: [], perSecond: [], heapBytes: [] }]),
  )
  await using children = new AsyncDisposableStack()
  const warm = new Map<ClientName, Child>()
  for (let round = 0; round < starts; round++) {
    progress(`start ${round + 1} of ${starts}`)
    for (const client of turned(all, round)) {
      const child = await caller({ client, origin })
      found.get(client)?.firstUs.push((await order(child, { calls: first })).cpuUs / first)
      if (round < starts - 1) await child[Symbol.asyncDispose]()
      else warm.set(client, children.use(child))
    }
  }
  progress('warming up')
  for (const child of warm.values()) {
    await order(child, { calls: warmUp })
    await order(child, { calls: Math.ceil(warmUp / 4), inFlight })
  }
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (const [client, child] of turned([...warm], round)) {
      const { cpuUs } = await order(child, { calls })
      found.get(client)?.steadyUs.push(cpuUs / calls)
      const { wallMs } = await order(child, { calls, inFlight })
      found.get(client)?.perSecond.push((calls / wallMs) * 1000)
    }
  }
  for (const client of all) {
    progress(`allocations of ${client}`)
    await using child = await caller({ client, origin }, ROOMY)
    await order(child, { calls: warmUp })
    for (let round = 0; round < ALLOCATION_ROUNDS; round++) {
      const { heapBytes } = await order(child, { calls })
      if (heapBytes === undefined) throw new Error(`${client}: garbage was collected while allocations were counted`)
      found.get(client)?.heapBytes.push(heapBytes / calls)
    }
  }
  return found
}

/** What calls in a row on one long-lived signal take and leave behind, each client in a process of its own. */
export const onOneSignal = async (
  names: readonly ClientName[],
  origin: string | undefined,
  { onSignal }: Pick<Scale, 'onSignal'>,
): Promise<ReadonlyMap<ClientName, OnSignal>> => {
  const found = new Map<ClientName, OnSignal>()
  for (const client of withBare(names)) {
    const child = await caller({ client, origin })
    found.set(client, await order(child, { calls: onSignal, oneSignal: true }))
    await child[Symbol.asyncDispose]()
  }
  return found
}

/** Runs the work beside an API on loopback, in a process of its own. */
export const withServer = async <T>(work: (origin: string) => Promise<T>): Promise<T> => {
  await using server = start(new URL('./server.ts', import.meta.url))
  return await work((await server.next()) as string)
}
