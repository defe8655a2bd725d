import { aplomb } from 'aplomb'
import { type Harm, HARMS } from './harm.ts'
import { drawLimit, LIMIT_DRAWS } from './limit-draws.ts'
import { LIMIT_MODES, runLimitMode } from './limit-modes.ts'
import { BOTH_SILENT, MODES } from './modes.ts'
import { draw, KINDS } from './scenarios.ts'
import { simulate } from './simulate.ts'
import { begin, runCase } from './trial.ts'

/** What came of a simulation, by name. */
export type Figures = Readonly<Record<string, number>>

/** A row of a table: something that is simulated for a seed. */
export interface Row {
  readonly name: string
  /** How many there are of it: 1, 2, 3 and so on. */
  readonly seeds: number
  readonly run: (seed: number) => Promise<Figures>
}

const outcomeOf = ({
  answered,
  sent,
  wallMs,
  share,
}: Readonly<Record<'answered' | 'sent' | 'wallMs' | 'share', number>>): Figures => ({
  answered,
  sent,
  wallMs: Math.round(wallMs),
  share: Math.round(share * 1e4) / 1e4,
})

/** The same sorts, with numbers that are drawn for each seed. */
export const DRAWN_ROWS: readonly Row[] = LIMIT_DRAWS.map((sort) => ({
  name: `drawn: ${sort.name}`,
  seeds: 1,
  run: async (seed) => {
    await begin()
    const outcome = await runLimitMode(drawLimit(sort, seed), seed)
    const { sentPerAnswer, jain } = outcome
    return { ...outcomeOf(outcome), sentPerAnswer, jain }
  },
}))

const SEEDS = 10

/** Rate limits of other sorts than the benchmark's. */
export const LIMIT_ROWS: readonly Row[] = LIMIT_MODES.map((mode) => ({
  name: `limit: ${mode.name}`,
  seeds: 1,
  run: async (seed) => {
    await begin()
    const outcome = await runLimitMode(mode, seed)
    const retries = Object.entries(outcome.retries).map(([what, count]) => [`retry: ${what}`, count] as const)
    const { sentPerAnswer, jain } = outcome
    return { ...outcomeOf(outcome), sentPerAnswer, jain, ...Object.fromEntries(retries) }
  },
}))

/** The modes of the goodput benchmark, a window and a ceiling that are both silent, what is drawn by lot, and one seed of each rate limit. */
export const OUTCOMES: readonly Row[] = [
  ...[...MODES, BOTH_SILENT].map(({ name, scenario }) => ({
    name: `mode: ${name}`,
    seeds: SEEDS,
    run: async (seed: number) => {
      await begin()
      return outcomeOf(await simulate({ ...scenario, seed }, (fetch) => aplomb({ fetch })))
    },
  })),
  ...KINDS.map((kind) => ({
    name: `kind: ${kind.name}`,
    seeds: SEEDS,
    run: async (seed: number) => outcomeOf(await runCase(kind, draw(kind, seed))),
  })),
  ...LIMIT_ROWS,
]

const harmRow = ({ name, seeds, run }: Harm): Row => ({
  name: `harm: ${name}`,
  seeds,
  run: (seed) => run(seed, 'aplomb'),
})
const besideRow = ({ name, seeds, beside, run }: Harm): Row => ({
  name: `beside: ${name}`,
  seeds,
  run: (seed) => run(seed, beside),
})

/** What may do harm: what aplomb does, and what the client beside it does. */
export const HARM_ROWS: readonly { readonly harm: Harm; readonly own: Row; readonly other: Row }[] = HARMS.map(
  (harm) => ({ harm, own: harmRow(harm), other: besideRow(harm) }),
)

export const ROWS: readonly Row[] = [...OUTCOMES, ...DRAWN_ROWS, ...HARM_ROWS.flatMap(({ own, other }) => [own, other])]
