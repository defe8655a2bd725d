import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Violation } from './rules.ts'

const FILE = fileURLToPath(new URL('../../../../.report/simulate.json', import.meta.url))

/** What has come of a run so far. */
export interface Progress {
  readonly first: number
  readonly seeds: number
  readonly done: number[]
  calls: number
  sent: number
  answered: number
  readonly failures: { readonly seed: number; readonly violations: readonly Violation[] }[]
}

/** Where a run of the same seeds was broken off, or the beginning. */
export const resume = (first: number, seeds: number): Progress => {
  try {
    const known = JSON.parse(readFileSync(FILE, 'utf8')) as Progress
    if (known.first === first && known.seeds === seeds) return known
  } catch {
    // There is none.
  }
  return { first, seeds, done: [], calls: 0, sent: 0, answered: 0, failures: [] }
}

export const save = (progress: Progress): void => {
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, JSON.stringify(progress))
}

export const forget = (): void => rmSync(FILE, { force: true })
