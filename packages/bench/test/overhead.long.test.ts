import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { callOf, type Middleware } from '@aplomb/pipeline'
import { aplomb, type AplombOptions } from 'aplomb'
import { describe, expect, test } from 'vitest'
import { CLIENTS } from '../src/overhead/clients.ts'
import { compare, onOneSignal, type Scale, withServer } from '../src/overhead/compare.ts'
import { comparisons, comparisonTable, heapTable, signalTable, silentLog, timeTable } from '../src/overhead/figures.ts'
import { heap } from '../src/overhead/heap.ts'
import { measure, median, pairedDifference, pairedRatio } from '../src/overhead/measure.ts'
import { instant } from '../src/overhead/answer.ts'
import { subjects } from '../src/overhead/subjects.ts'

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
  }, 180_000)
})

describe('the comparison of clients', () => {
  const TINY: Scale = { starts: 1, first: 3, warmUp: 4, rounds: 3, calls: 5, inFlight: 2, onSignal: 6 }

  test('measures each as often as the others, in process and over loopback', async () => {
    const inProcess = await compare(CLIENTS, undefined, TINY)
    const overLoopback = await withServer((origin) => compare(['aplomb()'], origin, TINY))
    expect([...inProcess.keys()]).toEqual(CLIENTS)
    expect([...overLoopback.keys()]).toEqual(['fetch', 'aplomb()'])
    for (const { firstUs, steadyUs, perSecond, heapBytes } of [...inProcess.values(), ...overLoopback.values()]) {
      expect([firstUs.length, steadyUs.length, perSecond.length, heapBytes.length]).toEqual([1, 3, 3, 3])
      for (const one of [...firstUs, ...steadyUs, ...perSecond]) expect(one).toBeGreaterThan(0)
      // Of so few calls it may be less than what else the process lets go of.
      expect(heapBytes.every(Number.isFinite)).toBe(true)
    }
    const rows = comparisons(inProcess)
    expect(rows[0]).toMatchObject({ client: 'fetch', rate: 1 })
    expect(comparisonTable('in process', rows).split('\n')).toHaveLength(CLIENTS.length + 2)
  }, 180_000)

  test('shows what they take over bare fetch, as medians of what differs within a round', () => {
    const rows = comparisons(
      new Map([
        ['fetch', { firstUs: [10, 100], steadyUs: [1, 50, 3], perSecond: [100, 10, 1], heapBytes: [9000, 8000] }],
        ['ky', { firstUs: [15, 107], steadyUs: [3, 52, 5], perSecond: [50, 5, 0.5], heapBytes: [10_000, 9000] }],
      ]),
    )
    expect(rows).toEqual([
      { client: 'fetch', firstUs: 55, steadyUs: 3, rate: 1, heapBytes: 8500 },
      { client: 'ky', firstUs: 6, steadyUs: 2, rate: 0.5, heapBytes: 1000 },
    ])
    expect(comparisonTable('here', rows).split('\n').slice(2)).toEqual([
      '| fetch | 55.0 µs | 3.0 µs | 8.5 kB | 100 % |',
      '| ky | +6.0 µs | +2.0 µs | +1.0 kB | 50 % |',
    ])
  })

  test('counts what is left on a signal', async () => {
    const rows = await withServer((origin) => onOneSignal(['a middleware that does nothing'], origin, TINY))
    expect([...rows.keys()]).toEqual(['fetch', 'a middleware that does nothing'])
    for (const { cpuUs, wallMs, listeners } of rows.values()) {
      expect(cpuUs).toBeGreaterThan(0)
      expect(wallMs).toBeGreaterThan(0)
      expect(Number.isInteger(listeners)).toBe(true)
    }
    expect(signalTable(6, rows).split('\n')).toHaveLength(2 + 2)
  })
})

describe('the command', () => {
  const main = fileURLToPath(new URL('../src/overhead/main.ts', import.meta.url))
  const run = (...args: readonly string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })

  test('measures the parts that are named, and writes everything', () => {
    const folder = mkdtempSync(join(tmpdir(), 'overhead-'))
    try {
      const json = join(folder, 'all.json')
      const args = ['--only', 'in process,heap', '--clients', 'nothing', '--scale', '0.001', '--json', json]
      const { status, stdout } = run(...args)
      expect(status).toBe(0)
      expect(stdout).toContain('| a middleware that does nothing | ')
      expect(stdout).not.toContain('aplomb({ log: false })')
      const written = JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>
      expect(Object.keys(written)).toEqual(['scale', 'rounds', 'clients in process', 'heap'])
      expect(written['clients in process']).toMatchObject([
        { client: 'fetch' },
        { client: 'a middleware that does nothing' },
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('says what it takes', () => {
    const { status, stdout } = run('--help')
    expect(status).toBe(0)
    for (const word of ['--only', '--clients', '--scale', '--json', 'one signal', 'loopback'])
      expect(stdout).toContain(word)
    expect(run('--only', 'nothing of that').status).toBe(2)
    expect(run('--scale', '0').status).toBe(2)
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
