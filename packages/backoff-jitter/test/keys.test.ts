import { respond } from '@aplomb/mock-api'
import { createFetch, type Keyed } from '@aplomb/pipeline'
import { expect, test, vi } from 'vitest'
import { backoffJitter } from '../src/index.ts'

const made: Keyed<unknown>[] = []
vi.mock('@aplomb/pipeline', async (original) => {
  const actual = await original<typeof import('@aplomb/pipeline')>()
  const keyed: typeof actual.keyed = (...args) => {
    const one = actual.keyed(...args)
    made.push(one)
    return one
  }
  return { ...actual, keyed }
})

test('idle keys are forgotten: a crawler over many origins keeps a bounded number', async () => {
  const fetch = createFetch([backoffJitter()], { fetch: respond({ times: Infinity }) })
  for (let i = 0; i < 4000; i++) await fetch(`https://host-${i}.test/`)
  expect(made).toHaveLength(1)
  expect([...made[0]!.entries()].length).toBeLessThanOrEqual(1000)
})
