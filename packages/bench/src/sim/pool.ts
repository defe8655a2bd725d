import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Outcomes } from './baseline.ts'
import { link } from '../goodput/link.ts'
import type { Figures, Row } from './rows.ts'
import type { Rule } from './rules.ts'

/** A row to be run for a seed. */
export interface Job {
  readonly row: string
  readonly seed: number
}

/** What a worker is told first. */
export interface Order {
  readonly without: Rule | undefined
}

/** Of each row as many seeds as it has, but no more than `most`. */
export const jobsOf = (rows: readonly Row[], most: number = Infinity): readonly Job[] =>
  rows.flatMap(({ name, seeds }) =>
    Array.from({ length: Math.min(seeds, most) }, (_, index) => ({ row: name, seed: index + 1 })),
  )

/** What came of each row, seed by seed. */
export const byRow = (jobs: readonly Job[], results: readonly Figures[]): Outcomes => {
  const outcomes: Record<string, Figures[]> = {}
  for (const [index, { row }] of jobs.entries()) (outcomes[row] ??= []).push(results[index] as Figures)
  return outcomes
}

/** More would only wait for each other: two cores are what the tests may use. */
const PROCESSES: number = Math.min(2, availableParallelism())

/** Runs each job in one of some processes, as the clock of a simulation is a global. Results are in the order of the jobs. */
export const runJobs = async (jobs: readonly Job[], without?: Rule): Promise<readonly Figures[]> => {
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
    worker.send({ without } satisfies Order)
    try {
      for (const [index, job] of left) {
        worker.send({ ...job })
        results[index] = (await worker.next()) as Figures
      }
    } finally {
      child.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: Math.min(PROCESSES, jobs.length) }, work))
  return results
}
