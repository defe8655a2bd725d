import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { link } from '../goodput/link.ts'
import type { Result } from './run.ts'

/** What a worker is told first. */
export interface Order {
  /** The name of what is broken there on purpose. */
  readonly broken: string | undefined
}

export type Outcome = Pick<Result, 'calls' | 'sent' | 'answered' | 'violations'>

/** Runs each seed in one of some processes, as the clock of a simulation is a global. `take` says whether to go on. */
export const runSeeds = async (
  seeds: Iterator<number>,
  { processes, broken }: Order & { readonly processes: number },
  take: (seed: number, outcome: Outcome) => boolean,
): Promise<void> => {
  let over = false
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const worker = link(child)
    worker.send({ broken })
    try {
      while (!over) {
        const { value: seed, done } = seeds.next()
        if (done) return
        worker.send(seed)
        if (!take(seed, (await worker.next()) as Outcome)) over = true
      }
    } finally {
      child.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: processes }, work))
}
