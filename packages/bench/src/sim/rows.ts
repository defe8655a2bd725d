import { aplomb } from 'aplomb'
import { HARMS } from './harm.ts'
import { MODES } from './modes.ts'
import { draw, KINDS } from './scenarios.ts'
import { simulate } from './simulate.ts'
import { begin, runCase } from './trial.ts'

/** What came of a simulation, by name. */
export type Figures = Readonly<Record<string, number>>

/** A row of a table: something that is simulated for a seed. */
export interface Row {
  readonly name: string
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

/** The modes of the goodput benchmark, and what is drawn by lot. */
export const OUTCOMES: readonly Row[] = [
  ...MODES.map(({ name, scenario }) => ({
    name: `mode: ${name}`,
    run: async (seed: number) => {
      await begin()
      return outcomeOf(await simulate({ ...scenario, seed }, (fetch) => aplomb({ fetch })))
    },
  })),
  ...KINDS.map((kind) => ({
    name: `kind: ${kind.name}`,
    run: async (seed: number) => outcomeOf(await runCase(kind, draw(kind, seed))),
  })),
]

/** What aplomb does in `name`, and what the client beside it does. */
export const harmRow = (name: string): string => `harm: ${name}`
export const besideRow = (name: string): string => `beside: ${name}`

export const ROWS: readonly Row[] = [
  ...OUTCOMES,
  ...HARMS.flatMap(({ name, run, beside }) => [
    { name: harmRow(name), run: (seed: number) => run(seed, 'aplomb') },
    { name: besideRow(name), run: (seed: number) => run(seed, beside) },
  ]),
]
