import { expect, test } from 'vitest'
import { breaches, type Harm } from '../src/sim/harm.ts'

const harm: Harm = {
  name: 'a harm',
  beside: 'fetch',
  seeds: 3,
  run: async () => ({}),
  bars: { lost: { most: 0 }, wallMs: { most: 1000, times: 3 } },
}

test('a bar is broken by the seeds that are above it, in itself or beside the other client', () => {
  const own = [{ wallMs: 1000 }, { wallMs: 1001 }, { wallMs: 301 }]
  expect(breaches(harm, 'wallMs', own, [{ wallMs: 400 }, { wallMs: 400 }, { wallMs: 100 }])).toEqual([2, 3])
  expect(breaches(harm, 'lost', [{ lost: 0 }, { lost: 1 }], [])).toEqual([2])
})

test('what never came, or is no figure, breaks it', () => {
  expect(breaches(harm, 'wallMs', [{ wallMs: Infinity }, { wallMs: NaN }, {}], [{ wallMs: 1 }])).toEqual([1, 2, 3])
})

test('a figure without a bar is for information', () => {
  expect(breaches(harm, 'sent', [{ sent: Infinity }], [])).toEqual([])
})
