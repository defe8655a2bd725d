import { aplomb } from 'aplomb'
import type { Case, Kind } from './scenarios.ts'
import { type Outcome, simulate } from './simulate.ts'
import { uneven, type Violation, watch } from './watch.ts'

/** What finding out may cost each client on top, in requests: the first burst of an API that it knows nothing of. */
export const LEARNING = 8

/** One case, run. */
export interface Trial {
  readonly seed: number
  readonly calls: number
  /** How large the API's limit is, how long its work takes: cases alike. */
  readonly bucket: string
  readonly answered: number
  readonly sent: number
  readonly sentPerAnswer: number
  /** The same without what finding out may cost. */
  readonly settledPerAnswer: number
  readonly wallMs: number
  readonly share: number
  readonly violations: readonly Violation[]
  /** How many calls ended without an answer, and why. */
  readonly gaveUp: Readonly<Record<string, number>>
}

const decade = (value: number): number => 10 ** Math.floor(Math.log10(Math.max(1, value)))

const bucketOf = ({ scenario: { api } }: Case): string => {
  const { windows: [window] = [], concurrency, work, latencyMs } = api
  const [least, most] = typeof latencyMs === 'object' ? latencyMs : [latencyMs, latencyMs]
  const limits = [
    window && `${decade(window.limit)}+ per window`,
    concurrency && `${decade(concurrency)}+ at once`,
    work && `${decade(work.perSecond)}+/s`,
  ]
  const takes = typeof least === 'number' ? `${decade((least + (most as number)) / 2)}+ ms` : undefined
  return [...limits, takes].filter((part) => part !== undefined).join(', ')
}

/** What is drawn once per process would shift the chance of the first case. */
let begun: Promise<Outcome> | undefined
export const begin = (): Promise<Outcome> =>
  (begun ??= simulate({ api: {}, calls: 1, warmUp: 0 }, (fetch) => aplomb({ fetch })))

export const runCase = async (kind: Kind, drawn: Case): Promise<Trial> => {
  await begin()
  const { scenario } = drawn
  const { calls, clients = 1, seed = 1 } = scenario
  const watched: ReturnType<typeof watch>[] = []
  const facts = { seed, calls: calls * clients, bucket: bucketOf(drawn) }
  let outcome: Outcome
  try {
    outcome = await simulate(scenario, (inner) => {
      const one = watch(drawn, inner)
      watched.push(one)
      return one.fetch
    })
  } catch (error) {
    const hung: Violation = { rule: 'settles', what: String(error) }
    const nothing = {
      answered: 0,
      sent: 0,
      sentPerAnswer: NaN,
      settledPerAnswer: NaN,
      wallMs: NaN,
      share: NaN,
      gaveUp: {},
    }
    return { ...facts, ...nothing, violations: [hung] }
  }
  const { answered, sent, sentPerAnswer, wallMs, share, timersLeft } = outcome
  const violations = watched.flatMap((one) => one.violations())
  if (timersLeft > 0) violations.push({ rule: 'left over', what: `${timersLeft} timers` })
  if (kind.even) violations.push(...uneven(outcome, scenario))
  const settledPerAnswer = Math.max(1, (sent - LEARNING * clients) / Math.max(1, answered))
  const gaveUp: Record<string, number> = {}
  for (const one of watched) for (const [why, count] of one.gaveUp) gaveUp[why] = (gaveUp[why] ?? 0) + count
  return { ...facts, answered, sent, sentPerAnswer, settledPerAnswer, wallMs, share, violations, gaveUp }
}
