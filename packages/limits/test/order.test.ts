import type { LimitWindow } from '@aplomb/pipeline'
import { expect, it } from 'vitest'
import { tightestFirst } from '../src/index.ts'

const window = (name: string, remaining?: number, limit?: number, resetMs?: number): LimitWindow => ({
  name,
  limit,
  remaining,
  resetMs,
  source: 'test',
})

const order = (...windows: readonly LimitWindow[]): string =>
  tightestFirst(windows)
    .map(({ name }) => name)
    .join(' ')

it('the tightest window is the one with the least of it left', () => {
  expect(order(window('half', 5, 10), window('tenth', 100, 1000), window('none', 0, 10))).toBe('none tenth half')
  expect(order(window('more', 20, 10), window('full', 10, 10), window('uncounted'))).toBe('full more uncounted')
  expect(order(window('unlimited', 5), window('nearly', 9, 10))).toBe('nearly unlimited')
})

it('of several that are used up, the one that resets last comes first; without a reset, last', () => {
  expect(order(window('soon', 0, 10, 5), window('never told', 0, 10), window('late', 0, 10, 9))).toBe(
    'late soon never told',
  )
  expect(order(window('never told', 0, 10), window('at once', 0, 10, 0))).toBe('at once never told')
})

it('of equal shares, the smaller number comes first', () => {
  expect(order(window('many', 50, 100), window('few', 5, 10))).toBe('few many')
})
