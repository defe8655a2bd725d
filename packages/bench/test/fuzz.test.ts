import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { TARGETS } from '../src/fuzz/targets.ts'

vi.setConfig({ testTimeout: 120_000 })

/** `npm run fuzz` goes on from there. */
const NUM_RUNS = process.env['DEEP'] ? 300 : 30

describe('whatever a server says, it is read', () => {
  test.each(TARGETS.filter(({ timed }) => !timed))('$name', async ({ property }) => {
    const { counterexample, errorInstance } = await fc.check(property, { seed: 1, numRuns: NUM_RUNS })
    expect({ counterexample, errorInstance }).toEqual({ counterexample: null, errorInstance: null })
  })
})
