import type { Scenario } from './simulate.ts'

/** A way for an API to be limited, and the bar for it: share of the physical limit, requests sent per answer. */
export interface Mode {
  readonly name: string
  readonly scenario: Scenario
  readonly share: number
  readonly sent: number
  /** Where the bar is a time instead of a share. */
  readonly doneMs?: number | undefined
  /** Over how many processes real clients are spread. @default 1 */
  readonly processes?: number | undefined
}

const LATENCY = [30, 70] as const
const rate = (perSecond: number) => ({ windows: [{ limit: perSecond, windowMs: 1000 }] })
const flaky = (share: number) => ({ flaky: { rate: share, kinds: ['500', '503', 'reset'] as const } })
const OUTAGE_THEN_200 = {
  windows: [{ limit: 20, windowMs: 100 }],
  headers: false,
  outages: [{ fromMs: 0, toMs: 2000 }],
  latencyMs: 20,
} as const

/** The limits of the goodput benchmark, each with 400 calls thrown in at once. */
export const MODES: readonly Mode[] = [
  {
    name: '40/s announced',
    scenario: { api: { ...rate(40), latencyMs: LATENCY }, calls: 400 },
    share: 0.95,
    sent: 1.05,
  },
  {
    name: '40/s silent',
    scenario: { api: { ...rate(40), latencyMs: LATENCY, headers: false }, calls: 400 },
    share: 0.85,
    sent: 1.15,
  },
  {
    name: '5 at once announced',
    scenario: { api: { concurrency: 5, latencyMs: LATENCY }, calls: 400 },
    share: 0.93,
    sent: 1.18,
  },
  {
    name: '5 at once silent',
    scenario: { api: { concurrency: 5, announceConcurrency: false, latencyMs: LATENCY }, calls: 400 },
    share: 0.92,
    sent: 1.2,
  },
  {
    name: 'work queue, outage',
    scenario: {
      api: { work: { perSecond: 100, rejectionCost: 1 }, outages: [{ fromMs: 1000, toMs: 3000 }] },
      calls: 400,
    },
    share: 0.95,
    sent: 1.12,
  },
  {
    name: '20 workers, 10 % fail',
    scenario: { api: { concurrency: 20, latencyMs: LATENCY, ...flaky(0.1) }, calls: 400 },
    share: 0.6,
    sent: 1.18,
  },
  {
    name: '60/s, 5 at once, 3 % fail',
    scenario: { api: { ...rate(60), concurrency: 5, latencyMs: LATENCY, ...flaky(0.03) }, calls: 400 },
    share: 0.85,
    sent: 1.1,
  },
  {
    name: '40/s announced, 8 clients',
    scenario: { api: { ...rate(40), latencyMs: LATENCY }, calls: 50, clients: 8 },
    share: 0.9,
    sent: 1.4,
    processes: 8,
  },
  {
    name: '5 at once announced, 8 clients',
    scenario: { api: { concurrency: 5, latencyMs: LATENCY }, calls: 50, clients: 8 },
    share: 0.8,
    sent: 1.5,
    processes: 8,
  },
  {
    name: '60/s, 5 at once, 3 % fail, 8 clients',
    scenario: { api: { ...rate(60), concurrency: 5, latencyMs: LATENCY, ...flaky(0.03) }, calls: 50, clients: 8 },
    share: 0.78,
    sent: 1.5,
    processes: 8,
  },
  { name: 'outage, then 200/s', scenario: { api: OUTAGE_THEN_200, calls: 500 }, share: 0.88, sent: 1.15, doneMs: 5000 },
  {
    name: 'outage, then 200/s, 500 clients',
    // Their first retries come on time and find it down; of the second, none comes before 3 s.
    scenario: { api: OUTAGE_THEN_200, calls: 1, clients: 500, warmUp: 1 },
    share: 0.68,
    sent: 5,
    doneMs: 6500,
  },
]

/** Refused for too many in flight, and at the end of a window, in the same words. */
export const BOTH_SILENT: Pick<Mode, 'name' | 'scenario'> = {
  name: '60/s and 5 at once, silent',
  scenario: {
    api: { ...rate(60), concurrency: 5, announceConcurrency: false, latencyMs: LATENCY, headers: false },
    calls: 200,
  },
}
