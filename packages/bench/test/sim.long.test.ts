import { type Fetch, leastTimeMs } from '@aplomb/mock-api'
import { aplomb } from 'aplomb'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { MODES, type Mode } from '../src/sim/modes.ts'
import { type Outcome, type Scenario, simulate } from '../src/sim/simulate.ts'

// Minutes of traffic, on machines of any speed.
vi.setConfig({ testTimeout: 180_000 })

interface Run extends Outcome {
  /** The most requests under way at once, as the client sees it, from the first useful answer on. */
  readonly mostAfterFirst: number
  /** Calls that wait or are under way at the end. */
  readonly leftOver: number
}

const isWarmUp = (input: string | URL | Request): boolean =>
  (input instanceof Request ? input.url : String(input)).endsWith('/v1/balance')

const run = async (scenario: Scenario): Promise<Run> => {
  let inFlight = 0
  let answered = false
  let mostAfterFirst = 0
  const clients: ReturnType<typeof aplomb>[] = []
  const outcome = await simulate(scenario, (inner) => {
    const counted: Fetch = async (input, init) => {
      inFlight++
      if (answered && !isWarmUp(input)) mostAfterFirst = Math.max(mostAfterFirst, inFlight)
      try {
        const response = await inner(input, init)
        answered ||= response.ok && !isWarmUp(input)
        return response
      } finally {
        inFlight--
      }
    }
    const client = aplomb({ fetch: counted })
    clients.push(client)
    return client
  })
  const leftOver = clients.reduce((sum, client) => {
    const { active = NaN, queued = NaN } = client.stats() ?? {}
    return sum + active + queued
  }, 0)
  return { ...outcome, mostAfterFirst, leftOver }
}

const SEEDS = [1, 2]
const single = MODES.filter(({ name, scenario }) => (scenario.clients ?? 1) === 1 && !name.startsWith('outage'))

describe.each(single)('$name', ({ scenario, sent }: Mode) => {
  test.each(SEEDS)(
    'seed %d: every call is answered, within what may be sent, and nothing is left behind',
    async (seed) => {
      const one = await run({ ...scenario, seed })
      const { concurrency, announceConcurrency = true, flaky } = scenario.api
      expect(one.timersLeft).toBe(0)
      expect(one.leftOver).toBe(0)
      expect(one.sentPerAnswer).toBeLessThanOrEqual(sent)
      // A call that ends without an answer has met four failures.
      const broken = ['500', '503', 'reset'].reduce((sum, kind) => sum + (one.rejections[kind] ?? 0), 0)
      expect(one.failed).toBeLessThanOrEqual(flaky ? broken / 4 : 0)
      if (concurrency !== undefined && announceConcurrency) {
        // Only the first burst, of eight, knows nothing of the ceiling.
        expect(one.rejections['concurrency']).toBeLessThanOrEqual(Math.max(0, 8 - concurrency))
        expect(one.mostAfterFirst).toBeLessThanOrEqual(concurrency)
        expect(one.mostAfterFirst).toBeGreaterThan(1)
      }
    },
  )
})

const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN

test(
  'a ceiling that nobody announces is not taken for a window, whichever request comes first',
  { timeout: 120_000 },
  async () => {
    const { scenario, share } = MODES.find(({ name }) => name === '5 at once silent')!
    const shares: number[] = []
    // Three of them were, when requests that overtook each other were not thought of.
    for (let seed = 36; seed <= 60; seed++) shares.push((await run({ ...scenario, seed })).share)
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(share)
  },
)

const shared = MODES.filter(({ scenario }) => scenario.clients === 8)

describe.each(shared)('$name', ({ scenario, share, sent }: Mode) => {
  test('every call is answered; the bars hold in the median', async () => {
    const runs: Run[] = []
    for (let seed = 1; seed <= 9; seed++) runs.push(await run({ ...scenario, seed }))
    expect(runs.map(({ failed, timersLeft, leftOver }) => failed + timersLeft + leftOver)).toEqual(runs.map(() => 0))
    expect(median(runs.map((one) => one.share))).toBeGreaterThanOrEqual(share)
    expect(median(runs.map((one) => one.sentPerAnswer))).toBeLessThanOrEqual(sent)
  })
})

const LATENCY = [30, 70] as const
const perSecond = (limit: number) => ({ api: { windows: [{ limit, windowMs: 1000 }], latencyMs: LATENCY } })

test.each([
  ['40/s', 2, 1000, perSecond(40), 4],
  ['40/s', 8, 250, perSecond(40), 4],
  ['20/s', 3, 300, perSecond(20), 4],
  // A network that is fast gives whoever has a slot every chance to keep it.
  ['5 at once', 8, 400, { api: { concurrency: 5, latencyMs: LATENCY }, networkMs: [0.1, 0.4] as const }, 8],
])(
  'on %s, %d clients with %d calls each: none is left behind in the median, nothing is lost',
  async (_limit, clients, calls, given, ratio) => {
    const halfMs = leastTimeMs(given.api, calls * clients) / 2
    /** How many times what the least got of the first half the one with the most got. */
    const ratios: number[] = []
    for (let seed = 1; seed <= 3; seed++) {
      const served = new Map<number, number>()
      const began = Promise.withResolvers<number>()
      let client = 0
      const outcome = await simulate({ ...given, calls, clients, seed }, (inner) => {
        const mine = client++
        return aplomb({
          fetch: async (input, init) => {
            if (!isWarmUp(input)) began.resolve(performance.now())
            const response = await inner(input, init)
            const early = !isWarmUp(input) && performance.now() - (await began.promise) < halfMs
            if (early && response.ok) served.set(mine, (served.get(mine) ?? 0) + 1)
            return response
          },
        })
      })
      expect(outcome.failed).toBe(0)
      expect(outcome.share).toBeGreaterThan(0.9)
      expect(outcome.sentPerAnswer).toBeLessThan(1.4)
      const counts = Array.from({ length: clients }, (_, one) => served.get(one) ?? 0)
      ratios.push(Math.max(...counts) / Math.min(...counts))
    }
    expect(median(ratios)).toBeLessThan(ratio)
  },
)

test('the same seed is the same run', async () => {
  const scenario = { ...single[0]!.scenario, calls: 100 }
  // The first run of a process loads and keeps what the others find there.
  await run({ ...scenario, seed: 7 })
  expect(await run({ ...scenario, seed: 7 })).toEqual(await run({ ...scenario, seed: 7 }))
})

test('whatever the limits: every call settles, and nothing is left behind', async () => {
  const window = fc.record({
    limit: fc.integer({ min: 2, max: 60 }),
    windowMs: fc.constantFrom(50, 100, 250, 1000, 2000),
  })
  const api = fc.record({
    windows: fc.array(window, { maxLength: 2 }),
    headers: fc.constantFrom('ietf' as const, false as const),
    concurrency: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    announceConcurrency: fc.constantFrom(true, false, 'message' as const),
    latencyMs: fc.constantFrom(5, 40, [10, 300] as const),
    flaky: fc.constantFrom(undefined, { rate: 0.2 }, { rate: 0.5 }),
    outages: fc.constantFrom([], [{ fromMs: 100, toMs: 1500 }]),
  })
  await fc.assert(
    fc.asyncProperty(api, fc.integer({ min: 1, max: 3 }), fc.nat(1000), async (given, clients, seed) => {
      const one = await run({ api: given, calls: 40, clients, warmUp: 0, seed })
      expect(one.answered + one.failed).toBe(40 * clients)
      expect(one.timersLeft).toBe(0)
      expect(one.leftOver).toBe(0)
    }),
    { seed: 8, numRuns: process.env['DEEP'] ? 200 : 15 },
  )
})
