import { beforeAll, describe, expect, it, vi } from 'vitest'
import { SUBJECTS } from './table/clients.ts'
import { faultsOf, LATER_MS, type Pair, type Result, runAll } from './table/run.ts'
import { tableOf } from './table/table.ts'

describe('client libraries on loopback, alone and with their recipes, after one failure', () => {
  let pairs: readonly Pair[]
  beforeAll(async () => {
    // Each waits for as long as it does on average, or less: chance has no say in who is later.
    vi.spyOn(Math, 'random').mockReturnValue(0)
    pairs = await runAll(SUBJECTS, 26)
  }, 60_000)

  it('what a library mends by itself is answered with aplomb, whose waits are no more than 1.1 s', () => {
    expect(pairs).toHaveLength(SUBJECTS.length * 4)
    const mended = pairs.filter(({ alone }) => alone.answered)
    expect(mended).toHaveLength(39)
    // By the clock it may be later: other tests run beside this one.
    const isInTime = ({ answered, waitedMs }: Result): boolean => answered && waitedMs > 0 && waitedMs <= LATER_MS
    expect(mended.filter(({ recipe }) => !isInTime(recipe))).toEqual([])
  })

  it('with one request more, and none where it may have been carried out', () => {
    for (const { subject, fault, recipe } of pairs) {
      const mayRepeat = fault === 'refused' || !subject.because.startsWith('POST')
      const { answered, requests } = recipe
      expect({ name: subject.name, fault, answered, requests }).toEqual({
        name: subject.name,
        fault,
        answered: mayRepeat,
        requests: mayRepeat ? 2 : 1,
      })
    }
  })

  it('the table has two lines for each', () => {
    expect(tableOf(pairs).split('\n')).toHaveLength(2 + 2 * SUBJECTS.length)
  })
})

describe('faultsOf', () => {
  const pair = (alone: object, recipe: object): Pair => {
    const result = { answered: true, requests: 2, ms: 500, waitedMs: 0 }
    return { subject: SUBJECTS[0]!, fault: '500', alone: { ...result, ...alone }, recipe: { ...result, ...recipe } }
  }

  it('finds calls that are less resilient than alone, or later', () => {
    expect(faultsOf(pair({}, { ms: 1600 }))).toEqual([])
    expect(faultsOf(pair({}, { ms: 1601 }))).toEqual(['answered 1101 ms later than alone'])
    expect(faultsOf(pair({}, { answered: false }))).toEqual(['answered alone, but not with aplomb'])
    expect(faultsOf(pair({ answered: false }, { answered: false }))).toEqual([])
  })
})
