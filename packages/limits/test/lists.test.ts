import { describe, expect, it } from 'vitest'
import { readEntries, readPercentages, splitList } from '../src/lists.ts'

it('lists are split at commas outside quotes', () => {
  expect(splitList('a, "b,c" ,d')).toEqual(['a', ' "b,c" ', 'd'])
  expect(splitList('"a\\",b",c')).toEqual(['"a\\",b"', 'c'])
  expect(splitList('')).toEqual([])
})

describe('an entry is a number, with the length of its window', () => {
  it.each([
    ['5', 5, undefined],
    ['5:20', 5, 20_000],
    ['5;w=60', 5, 60_000],
    ['5; window = 60 ;burst=9', 5, 60_000],
    ['5;w=60s', 5, undefined],
    ['5;aw=60', 5, undefined],
    ['5/s', 5, 1000],
    ['5 per 10 seconds', 5, 10_000],
    ['5/min', 5, 60_000],
    ['5/2h', 5, 7_200_000],
    ['1.5/day', 1.5, 86_400_000],
  ])('%s', (text, value, windowMs) => {
    expect(readEntries(text)).toMatchObject([{ value, windowMs }])
  })
})

describe('usage in percent', () => {
  it.each([
    [{ call_count: 28 }, 28],
    [{ call_count: 28, total_time: 30, total_cputime: 5 }, 30],
    [{ acc_id_util_pct: 0 }, 0],
    [{ call_count: 1e6 }, 1e6],
    [{ call_count: 1e6 + 1, total_time: 3 }, 3],
    [{ call_count: -1, total_time: 3 }, 3],
    [{ call_count: '5', total_time: 3 }, 3],
  ])('%j', (usage, percent) => {
    expect(readPercentages(JSON.stringify(usage))).toEqual([{ name: undefined, percent, regainMinutes: undefined }])
    expect(readPercentages(JSON.stringify({ 7: [{ type: 'ads', ...usage }] }))).toMatchObject([
      { name: 'ads', percent },
    ])
  })

  it('with the minutes until calls are let through again, if there are any', () => {
    const usage = { call_count: 100, estimated_time_to_regain_access: 7 }
    expect(readPercentages(JSON.stringify(usage))).toMatchObject([{ regainMinutes: 7 }])
    const none = { ...usage, estimated_time_to_regain_access: 0 }
    expect(readPercentages(JSON.stringify(none))).toMatchObject([{ regainMinutes: undefined }])
    expect(readPercentages('[]')).toEqual([])
    expect(readPercentages('{"a":')).toEqual([])
  })
})
