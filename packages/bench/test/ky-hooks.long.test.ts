import { expect, test, vi } from 'vitest'
import { compare } from '../src/ky-hooks/compare.ts'

// Eighteen jobs of 400 calls.
vi.setConfig({ testTimeout: 120_000 })

test('ky with kyHooks() gets as many answers as aplomb() itself, for at most 5 % more time and requests', async () => {
  const rows = await compare(3)
  expect(rows).toHaveLength(6)
  for (const limits of ['announced', 'silent']) {
    const [base, ...others] = rows.filter((one) => one.limits === limits)
    for (const one of others) {
      expect(one.answered).toBe(base?.answered)
      expect(one.moreTime).toBeLessThanOrEqual(0.05)
      expect(one.moreRequests).toBeLessThanOrEqual(0.05)
    }
  }
  expect(rows.map(({ timersLeft }) => timersLeft)).toEqual(rows.map(() => 0))
})
