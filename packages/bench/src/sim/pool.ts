import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { link } from '../goodput/link.ts'
import type { Figures } from './rows.ts'

/** A row to be run for a seed. */
export interface Job {
  readonly row: string
  readonly seed: number
}

/** More would only wait for each other: two cores are what the tests may use. */
const PROCESSES: number = Math.min(2, availableParallelism())

/** Runs each job in one of so many processes, as the clock of a simulation is a global. Results are in the order of the jobs. */
export const runJobs = async (jobs: readonly Job[], processes: number = PROCESSES): Promise<readonly Figures[]> => {
  const results: Figures[] = []
  const left = jobs.entries()
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
      execArgv: [],
      // Some figures are Infinity, which JSON does not know.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const worker = link(child)
    try {
      for (const [index, job] of left) {
        worker.send({ ...job })
        results[index] = (await worker.next()) as Figures
      }
    } finally {
      child.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, work))
  return results
}
