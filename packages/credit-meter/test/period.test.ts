import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter, memoryStore, type CreditAlert } from '../src/index.ts'
import { calendarOf } from '../src/period.ts'
import { costs, pipelineOf, URL_A } from './helpers.ts'

const HOUR_MS = 3_600_000

const boundsAt = (period: 'day' | 'month', timeZone: string, at: string) => {
  const { startsAt, endsAt } = calendarOf(period, timeZone).bounds(Date.parse(at))
  return [new Date(startsAt).toISOString(), new Date(endsAt).toISOString()]
}

describe('12. days and months begin at midnight in the time zone', () => {
  test.each([
    ['month', 'UTC', '2026-11-22T12:00:00Z', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['month', 'UTC', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['day', 'UTC', '2026-11-22T00:00:00Z', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    // Another month already, or still.
    ['month', 'Pacific/Auckland', '2026-10-31T12:00:00Z', '2026-10-31T11:00:00.000Z', '2026-11-30T11:00:00.000Z'],
    ['month', 'America/Los_Angeles', '2026-11-01T06:00:00Z', '2026-10-01T07:00:00.000Z', '2026-11-01T07:00:00.000Z'],
    // 23 and 25 hours.
    ['day', 'Europe/Vienna', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    ['day', 'Europe/Vienna', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    // Midnight does not exist: the clocks go from 23:59 to 1:00.
    ['day', 'Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z'],
    // Midnight comes twice.
    ['day', 'America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z'],
    // Half hours, quarter hours, and a shift of half an hour.
    ['day', 'Asia/Kathmandu', '2026-11-22T12:00:00Z', '2026-11-21T18:15:00.000Z', '2026-11-22T18:15:00.000Z'],
    ['day', 'Australia/Lord_Howe', '2026-10-04T12:00:00Z', '2026-10-03T13:30:00.000Z', '2026-10-04T13:00:00.000Z'],
    // A day that never was.
    ['day', 'Pacific/Apia', '2011-12-29T12:00:00Z', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'],
  ] as const)('%s in %s at %s', (period, timeZone, at, starts, ends) => {
    expect(boundsAt(period, timeZone, at)).toEqual([starts, ends])
  })

  test('every instant is in exactly one period, and the next one begins where it ends', () => {
    const zones = [
      'UTC',
      'Europe/London',
      'America/St_Johns',
      'Africa/Cairo',
      'America/Havana',
      'Asia/Tehran',
      'Pacific/Chatham',
    ]
    const from = Date.UTC(2015, 0)
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom('day' as const, 'month' as const),
        fc.integer({ min: from, max: Date.UTC(2035, 0) }),
        (timeZone, period, at) => {
          const calendar = calendarOf(period, timeZone)
          const { startsAt, endsAt } = calendar.bounds(at)
          expect(startsAt).toBeLessThanOrEqual(at)
          expect(endsAt).toBeGreaterThan(at)
          const next = calendarOf(period, timeZone)
          expect(next.bounds(endsAt).startsAt).toBe(endsAt)
          expect(next.slot(endsAt).id).not.toBe(calendar.slot(at).id)
          expect(calendarOf(period, timeZone).slot(endsAt - 1).id).toBe(calendar.slot(at).id)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('12. what is spent counts in the period it was spent in, and each threshold alerts once in each', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  // The first instants of three periods in a row; with days of 23 and of 25 hours, and the months that have them.
  test.each([
    ['day', 'UTC', '2026-11-22T00:00Z', '2026-11-23T00:00Z', '2026-11-24T00:00Z'],
    ['day', 'Europe/Vienna', '2026-03-28T23:00Z', '2026-03-29T22:00Z', '2026-03-30T22:00Z'],
    ['day', 'Europe/Vienna', '2026-10-24T22:00Z', '2026-10-25T23:00Z', '2026-10-26T23:00Z'],
    ['day', 'Africa/Cairo', '2026-04-23T22:00Z', '2026-04-24T21:00Z', '2026-04-25T21:00Z'],
    ['month', 'UTC', '2026-10-01T00:00Z', '2026-11-01T00:00Z', '2026-12-01T00:00Z'],
    ['month', 'America/Los_Angeles', '2026-02-01T08:00Z', '2026-03-01T08:00Z', '2026-04-01T07:00Z'],
    ['month', 'Europe/Vienna', '2026-09-30T22:00Z', '2026-10-31T23:00Z', '2026-11-30T23:00Z'],
  ] as const)('%s in %s from %s', async (period, timeZone, ...begins) => {
    const [first, second, third] = begins.map((at) => Date.parse(at)) as [number, number, number]
    for (const store of [undefined, memoryStore()]) {
      const alerts: string[] = []
      const onAlert = ({ threshold, spent }: CreditAlert): void =>
        void alerts.push(`${threshold} % at ${new Date().toISOString()}: ${spent}`)
      const meter = creditMeter({ budget: { limit: 20, period, timeZone }, onAlert, ...(store && { store }) })
      const { fetch } = pipelineOf(meter, respond({ ...costs(1), times: Infinity }))
      const spend = async (credits: number, at: number): Promise<void> => {
        vi.setSystemTime(at)
        for (let i = 0; i < credits; i++) await fetch(URL_A)
        const [startsAt, endsAt] = at < second ? [first, second] : [second, third]
        expect(meter.usage().period).toEqual({ startsAt: new Date(startsAt), endsAt: new Date(endsAt) })
      }
      await spend(10, first)
      await spend(14, second - 1)
      expect(meter.usage()).toMatchObject({ spent: 24, left: 0 })
      await spend(15, second)
      expect(meter.usage()).toMatchObject({ spent: 15, left: 5 })
      await spend(10, third - HOUR_MS)
      const told = (at: number): string[] =>
        ['80 %', '95 %', '100 %'].map((one, i) => `${one} at ${new Date(at).toISOString()}: ${[16, 19, 20][i]}`)
      expect(alerts).toEqual([...told(second - 1), ...told(third - HOUR_MS)])
    }
  })
})

describe('12. a clock that is set back over the end of a period', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([
    ['month', Date.UTC(2026, 11, 1)],
    ['day', Date.UTC(2026, 10, 12)],
    [{ rollingMs: HOUR_MS }, Date.UTC(2026, 10, 12)],
  ] as const)('does not open the old budget again: %j', async (period, ends) => {
    const alerts: CreditAlert[] = []
    const onAlert = (alert: CreditAlert): void => void alerts.push(alert)
    const meter = creditMeter({ budget: { limit: 10, period }, stopAt: 100, onAlert })
    const { fetch } = pipelineOf(meter, respond({ ...costs(5, { 'x-credits-remaining': '80' }), times: 4 }))
    vi.setSystemTime(ends - 60_000)
    for (let i = 0; i < 2; i++) await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toBeInstanceOf(BudgetExceededError)
    // It runs ahead, into the next period, and is corrected.
    vi.setSystemTime(typeof period === 'object' ? ends + 1.1 * HOUR_MS : ends + 60_000)
    await fetch(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 5, left: 5 })
    vi.setSystemTime(ends - 30_000)
    expect(meter.usage()).toMatchObject({ spent: 15, left: 0 })
    await expect(fetch(URL_A)).rejects.toBeInstanceOf(BudgetExceededError)
    expect(alerts.map(({ threshold }) => threshold)).toEqual([100])
    // And then the next period has what was spent in it.
    vi.setSystemTime(typeof period === 'object' ? ends + 1.2 * HOUR_MS : ends + 120_000)
    expect(meter.usage()).toMatchObject({ spent: 5, left: 5 })
    await fetch(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 10, left: 0 })
  })

  test('and takes nothing from a balance that the server told', async () => {
    const meter = creditMeter({ budget: { limit: 100, period: 'month' } })
    const told = costs(5, { 'x-credits-remaining': '80' })
    const { fetch } = pipelineOf(meter, respond(costs(40), told, costs(5)))
    vi.setSystemTime(Date.UTC(2026, 11, 1) - 1000)
    await fetch(URL_A)
    vi.setSystemTime(Date.UTC(2026, 11, 1) + 1000)
    await fetch(URL_A)
    vi.setSystemTime(Date.UTC(2026, 11, 1) - 500)
    await fetch(URL_A)
    // 100 - (40 + 5 + 5): what is left of the budget is less than the 75 of the balance.
    expect(meter.usage()).toMatchObject({ spent: 50, left: 50 })
    vi.setSystemTime(Date.UTC(2026, 11, 2))
    expect(meter.usage()).toMatchObject({ spent: 5, left: 75 })
  })
})

describe('13. a rolling budget comes back bit by bit', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('what was spent counts for the window, and at most 1/60 of it longer', async () => {
    const meter = creditMeter({ budget: { limit: 100, period: { rollingMs: HOUR_MS } } })
    const { fetch } = pipelineOf(meter, respond(costs(10), costs(20)))
    await fetch(URL_A)
    vi.setSystemTime(Date.now() + HOUR_MS / 2)
    await fetch(URL_A)
    vi.setSystemTime(Date.now() + HOUR_MS / 2)
    expect(meter.usage()).toMatchObject({ spent: 30, left: 70 })
    vi.setSystemTime(Date.now() + HOUR_MS / 60)
    expect(meter.usage()).toMatchObject({ spent: 20, left: 80 })
    vi.setSystemTime(Date.now() + HOUR_MS / 2)
    expect(meter.usage()).toMatchObject({ spent: 0, left: 100 })
  })

  test('each threshold alerts again after a whole window, not sooner', async () => {
    const alerts: (number | undefined)[] = []
    const onAlert = ({ threshold }: CreditAlert): void => void alerts.push(threshold)
    const meter = creditMeter({ budget: { limit: 10, period: { rollingMs: HOUR_MS } }, onAlert })
    const { fetch } = pipelineOf(meter, respond({ ...costs(9), times: 4 }))
    await fetch(URL_A)
    expect(alerts).toEqual([80])
    vi.setSystemTime(Date.now() + HOUR_MS / 2)
    await fetch(URL_A)
    expect(alerts).toEqual([80, 100])
    vi.setSystemTime(Date.now() + HOUR_MS / 2 - 1)
    await fetch(URL_A)
    expect(alerts).toEqual([80, 100])
    vi.setSystemTime(Date.now() + HOUR_MS + HOUR_MS / 60)
    await fetch(URL_A)
    expect(alerts).toEqual([80, 100, 80])
  })
})
