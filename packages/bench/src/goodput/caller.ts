import { setTimeout as sleep } from 'node:timers/promises'
import type { Told } from '../fleet/peers/limiters.ts'
import { type ClientName, createClient } from './clients.ts'
import { link } from './link.ts'

/** What a process of callers is to do. */
export interface Task {
  readonly client: ClientName
  /** What those know of the API that have to. */
  readonly told: Told
  readonly origin: string
  /** How many clients this process has, and the calls of each. */
  readonly clients: number
  readonly calls: number
  /** Free calls of each client before the job. */
  readonly warmUp: number
  /** Different for each process, so that no two ask for the same. */
  readonly process: number
}

/** What came of it. Times in ms of the epoch, so that processes can be compared. */
export interface Callings {
  readonly answered: number
  /** How often each error was thrown, by its message. */
  readonly errors: Readonly<Record<string, number>>
  readonly beganAt: number
  /** When the last call settled. */
  readonly endedAt: number
}

/** A call that has not settled by then never will, as far as its user is concerned. */
const PATIENCE_MS = 120_000

const now = (): number => performance.timeOrigin + performance.now()

const run = async (
  { client, told, origin, clients, calls, warmUp, process: place }: Task,
  go: () => Promise<unknown>,
) => {
  const callers = await Promise.all(Array.from({ length: clients }, () => createClient[client](origin, told)))
  await Promise.all(callers.flatMap((call) => Array.from({ length: warmUp }, () => call('/v1/balance'))))
  await go()

  const beganAt = now()
  const errors: Record<string, number> = {}
  let answered = 0
  let settled = 0
  let endedAt = beganAt
  const jobs = callers.flatMap((call, caller) =>
    Array.from({ length: calls }, async (_, index) => {
      try {
        await call(`/v1/lookup/10.${place}.${(caller * calls + index) >> 8}.${(caller * calls + index) & 255}`)
        answered++
      } catch (error) {
        // Some messages name the address, which would make each one of a kind.
        const message = String(error).replace(/10(\.\d+){3}/, '*')
        errors[message] = (errors[message] ?? 0) + 1
      }
      settled++
      endedAt = now()
    }),
  )
  await Promise.race([Promise.all(jobs), sleep(PATIENCE_MS)])
  if (settled < jobs.length) {
    errors['never settled'] = jobs.length - settled
    endedAt = now()
  }
  return { answered, errors, beganAt, endedAt } satisfies Callings
}

// A task in, `warm` out; then `go` in, what came of it out.
const parent = link(process)
// Killed or not, whoever started it waits no more.
process.once('disconnect', () => process.exit())
const task = (await parent.next()) as Task
const callings = await run(task, () => {
  parent.send('warm')
  return parent.next()
})
parent.send(callings)
