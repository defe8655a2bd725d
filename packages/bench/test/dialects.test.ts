import type { DialectName } from '@aplomb/mock-api'
import { aplomb } from 'aplomb'
import { expect, test } from 'vitest'
import { simulate } from '../src/sim/simulate.ts'

const bucket = { windows: [{ limit: 50, windowMs: 1000, kind: 'bucket', burst: 20 }], latencyMs: [50, 150] } as const

/** What a reset is, and how it is rounded, differs; the first four may also tell of one that is over, or of none. */
const DIALECTS: readonly DialectName[] = [
  'ietf',
  'draft-7',
  'lists',
  'shopify',
  'openai',
  'discord',
  'draft-6',
  'x-ratelimit',
  'x-ratelimit-ms',
  'x-ratelimit-delta',
  'okta',
  'gitlab',
  'github',
  'anthropic',
]

/** The middle one of three seeds. */
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[1] ?? 0

test.each(DIALECTS)('a bucket announced as %s is used up, and not run into', async (headers) => {
  const outcomes = []
  for (const seed of [1, 2, 3])
    outcomes.push(await simulate({ api: { ...bucket, headers }, calls: 400, seed }, (fetch) => aplomb({ fetch })))
  expect(outcomes.map(({ failed }) => failed)).toEqual([0, 0, 0])
  expect(median(outcomes.map(({ share }) => share))).toBeGreaterThan(0.95)
  expect(median(outcomes.map(({ sentPerAnswer }) => sentPerAnswer))).toBeLessThan(1.02)
})

test('a window whose answers name no reset is used after its first refusal as if they said nothing', async () => {
  const headers = ({ tightest }: { tightest: { limit: number; remaining: number } }) => ({
    'x-ratelimit-limit': String(tightest.limit),
    'x-ratelimit-remaining': String(tightest.remaining),
  })
  const api = { windows: [{ limit: 100, windowMs: 5000 }], headers, latencyMs: [50, 150] } as const
  const { share, sentPerAnswer } = await simulate({ api, calls: 400 }, (fetch) => aplomb({ fetch }))
  expect(share).toBeGreaterThan(0.95)
  expect(sentPerAnswer).toBeLessThan(1.05)
})
