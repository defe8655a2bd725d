import type { Fetch } from '@aplomb/mock-api'
import { aplomb } from 'aplomb'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MODES, type Mode } from '../src/sim/modes.ts'
import { type Outcome, type Scenario, simulate } from '../src/sim/simulate.ts'

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

test('the same seed is the same run', async () => {
  const scenario = { ...single[0]!.scenario, calls: 100 }
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
