import { callOf, type Middleware } from '@aplomb/pipeline'
import { aplomb, type AplombOptions } from 'aplomb'
import { describe, expect, test } from 'vitest'
import { heapTable, silentLog, timeTable } from '../src/overhead/figures.ts'
import { heap } from '../src/overhead/heap.ts'
import { measure, median, pairedDifference, pairedRatio } from '../src/overhead/measure.ts'
import { instant, subjects } from '../src/overhead/subjects.ts'

/** Many and short: what else the machine does falls into few of them, and meets all alike. */
const ROUNDS = 150

const URL_A = 'https://api.example.com/v1/lookup/192.0.2.1'

describe('a log on `debug`, which is off, costs no more than no log', () => {
  /** What the innermost middleware sees of a call. */
  const observed = async (options: AplombOptions): Promise<boolean | undefined> => {
    let seen: boolean | undefined
    const look: Middleware = async (request, next) => {
      seen = callOf(request)?.observed
      return next(request)
    }
    await aplomb({ ...options, use: [look], fetch: instant })(URL_A)
    return seen
  }

  test('nobody is asked for events', async () => {
    expect(await observed({ log: false })).toBe(false)
    expect(await observed({})).toBe(false)
    expect(await observed({ log: { sink: () => undefined } })).toBe(true)
  })

  test('and it takes no longer: less than a tenth, where a log that somebody reads takes far more', async () => {
    const three = subjects().filter(({ name }) => name.startsWith('aplomb('))
    const timings = await measure(three, { rounds: ROUNDS, samples: 3, calls: 20 })
    const [without = [], silent = [], loud = []] = timings.values()
    expect([without.length, silent.length, loud.length]).toEqual([ROUNDS, ROUNDS, ROUNDS])
    expect(pairedRatio(silent, without)).toBeLessThan(1.1)
    expect(pairedRatio(loud, without)).toBeGreaterThan(1.3)
  })
})

describe('the figures', () => {
  test('medians, and medians of what differs within a round', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([5])]).toEqual([2, 2.5, 5])
    // A machine that is ten times slower in every second round does not matter.
    expect(pairedDifference([2, 21, 2, 21, 3], [1, 20, 1, 20, 1])).toBe(1)
    expect(pairedRatio([2, 20, 3], [1, 10, 1])).toBe(2)
  })

  test('every subject answers, and is in the table', async () => {
    const all = subjects()
    for (const { fetch } of all) expect(await (await fetch(URL_A)).json()).toEqual({ ok: true })
    const order: string[] = []
    const noted = all.map(({ name, fetch }) => ({
      name,
      fetch: (...args: Parameters<typeof fetch>) => {
        order.push(name)
        return fetch(...args)
      },
    }))
    const timings = await measure(noted, { rounds: 3, samples: 1, calls: 1 })
    // In turns, and not always in the same order.
    const rounds = [0, 1, 2].map((i) => order.slice(-3 * all.length).slice(i * all.length, (i + 1) * all.length))
    for (const round of rounds) expect(round.toSorted()).toEqual(all.map(({ name }) => name).toSorted())
    expect(rounds[1]).toEqual(rounds[0]?.toReversed())
    expect(rounds[2]).not.toEqual(rounds[0])
    const table = timeTable(timings)
    expect(table.split('\n')).toHaveLength(all.length + 2)
    for (const { name } of all) expect(table).toContain(`| \`${name}\` | `)
    expect(silentLog(timings)).toMatch(/^With a log that nobody listens to, a call takes -?[\d.]+ % \(-?[\d.]+ µs\)/)
  })

  test('a call that waits takes some kilobytes, queued or in flight', async () => {
    const rows = await heap(2000)
    const [bare = NaN, ...ours] = rows.map(({ bytesPerCall }) => bytesPerCall)
    expect(bare).toBeLessThan(2000)
    for (const bytes of ours) {
      expect(bytes).toBeGreaterThan(bare)
      expect(bytes).toBeLessThan(30_000)
    }
    expect(heapTable(rows).split('\n')).toHaveLength(rows.length + 2)
  })
})
