import { fleet } from '@aplomb/redis'
import { aplomb } from 'aplomb'
import { LIMIT_MODES, PAUSE_MS, runLimitMode, WARM_UP as LIMIT_WARM_UP } from '../sim/limit-modes.ts'
import { MODES } from '../sim/modes.ts'
import { simulate } from '../sim/simulate.ts'
import { distantEngine } from './engine.ts'

/** What eight processes make of one key. */
interface FleetFigures {
  readonly answered: number
  readonly share: number
  readonly sentPerAnswer: number
  /** Of the engine, for each call. */
  readonly turnsPerCall: number
}

/** The table's rows; what is to be reached with a store. */
export interface FleetRow {
  readonly name: string
  readonly share: number
  readonly sent: number
  readonly run: (seed: number, withStore: boolean) => Promise<FleetFigures>
}

const CALLS = 400
const CLIENTS = 8
const WARM_UP = 1
/** A Redis nearby. */
const ROUND_TRIP_MS = 0.3

const found = <One extends { readonly name: string }>(all: readonly One[], name: string): One => {
  const one = all.find((its) => its.name === name)
  if (!one) throw new RangeError(`nothing is called ${name}`)
  return one
}

const modeRow = (name: string, mode: string, share: number, sent: number): FleetRow => ({
  name,
  share,
  sent,
  run: async (seed, withStore) => {
    const engine = distantEngine(ROUND_TRIP_MS)
    const { scenario } = found(MODES, mode)
    const outcome = await simulate({ ...scenario, seed, warmUp: WARM_UP, pauseMs: PAUSE_MS }, (fetch) =>
      aplomb({ fetch, store: withStore ? fleet(engine) : undefined }),
    )
    return { ...outcome, turnsPerCall: engine.turns() / (CALLS + WARM_UP * CLIENTS) }
  },
})

const limitRow = (name: string, mode: string, share: number, sent: number): FleetRow => ({
  name,
  share,
  sent,
  run: async (seed, withStore) => {
    const engine = distantEngine(ROUND_TRIP_MS)
    const newStore = withStore ? () => fleet(engine) : undefined
    const outcome = await runLimitMode(found(LIMIT_MODES, mode), seed, newStore)
    return { ...outcome, turnsPerCall: engine.turns() / (CALLS + LIMIT_WARM_UP * CLIENTS) }
  },
})

/** Eight processes with fifty calls each on one key, and nothing configured. */
export const FLEET_ROWS: readonly FleetRow[] = [
  modeRow('40 per second, announced', '40/s announced, 8 clients', 0.97, 1.02),
  modeRow('5 at once, announced', '5 at once announced, 8 clients', 0.95, 1.05),
  modeRow('60 per second, 5 at once, 3 % failures', '60/s, 5 at once, 3 % fail, 8 clients', 0.92, 1.05),
  limitRow('silent bucket, 50 per second', '8 clients: bucket 50/s x 20, silent', 0.93, 1.1),
  limitRow('tokens, announced', '8 clients: tokens 700/s x 350', 0.93, 1.05),
]
