import { kyHooks } from '@aplomb/ky'
import { aplomb } from 'aplomb'
import ky2, { type KyInstance } from 'ky'
import ky1 from 'ky-1'
import { median } from '../sim/quantile.ts'
import { type Fetch, type Outcome, type Scenario, simulate } from '../sim/simulate.ts'

/** 400 calls at once against 20 a second and 5 at once, with an outage and some answers that ask for money. */
const scenarioOf = (headers: false | 'ietf', seed: number): Scenario => ({
  api: {
    windows: [{ limit: 20, windowMs: 1000 }],
    concurrency: 5,
    announceConcurrency: headers !== false,
    headers,
    latencyMs: [30, 70],
    outages: [{ fromMs: 5000, toMs: 7000 }],
    flaky: { rate: 0.03, kinds: ['402'] },
  },
  calls: 400,
  seed,
})

const withHooks =
  (ky: KyInstance) =>
  (fetch: Fetch): Fetch => {
    // As often as `aplomb()` sends.
    const api = ky.create({ fetch, retry: { limit: 3 }, hooks: kyHooks() })
    return (input) => api(input)
  }

const CLIENTS: Readonly<Record<string, (fetch: Fetch) => Fetch>> = {
  'aplomb()': (fetch) => aplomb({ fetch }),
  'ky 2.1.0, kyHooks()': withHooks(ky2),
  'ky 1.14.3, kyHooks()': withHooks(ky1 as unknown as KyInstance),
}

/** Medians of a client over the seeds, and how far they are from those of `aplomb()`. */
export interface Row {
  readonly limits: string
  readonly client: string
  readonly answered: number
  readonly requests: number
  readonly wallMs: number
  /** As shares of those of `aplomb()`, less one. */
  readonly moreRequests: number
  readonly moreTime: number
  /** At the end, in all runs. */
  readonly timersLeft: number
}

export const compare = async (seeds: number): Promise<Row[]> => {
  const rows: Row[] = []
  for (const headers of ['ietf', false] as const) {
    let base: { readonly requests: number; readonly wallMs: number } | undefined
    for (const [client, make] of Object.entries(CLIENTS)) {
      const outcomes: Outcome[] = []
      for (let seed = 1; seed <= seeds; seed++) outcomes.push(await simulate(scenarioOf(headers, seed), make))
      const of = (pick: (one: Outcome) => number): number => median(outcomes.map(pick))
      const requests = of(({ sent }) => sent)
      const wallMs = of((one) => one.wallMs)
      base ??= { requests, wallMs }
      rows.push({
        limits: headers ? 'announced' : 'silent',
        client,
        answered: of(({ answered }) => answered),
        requests,
        wallMs,
        moreRequests: requests / base.requests - 1,
        moreTime: wallMs / base.wallMs - 1,
        timersLeft: outcomes.reduce((sum, { timersLeft }) => sum + timersLeft, 0),
      })
    }
  }
  return rows
}
