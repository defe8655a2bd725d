import { expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { createFetch, type CreateFetchOptions, middleware, type Weight } from '../src/index.ts'

useFakeTime()

const TARGET = 'https://api.test/v1/chat'

/** What a middleware reads of it, twice. */
const weighed = async (weight: CreateFetchOptions['weight'], init?: RequestInit): Promise<Weight | undefined> => {
  const seen: (Weight | undefined)[] = []
  const look = middleware('look', (request, next, call) => {
    seen.push(call.weight, call.weight)
    return next(request)
  })
  await createFetch([look], { fetch: async () => new Response(), weight })(TARGET, init)
  expect(seen[1]).toBe(seen[0])
  return seen[0]
}

test('the weight of a call is what the option says, of the request and a body that was given as a string', async () => {
  const weight = vi.fn((request: Request, text: string | undefined) => (text?.length ?? 0) + request.url.length)
  expect(await weighed(weight, { method: 'POST', body: 'hello' })).toBe(5 + TARGET.length)
  expect(weight).toHaveBeenCalledTimes(1)
  expect(await weighed(weight, { method: 'POST', body: new Blob(['hello']) })).toBe(TARGET.length)
  expect(await weighed(() => ({ tokens: 1200, points: 1 }))).toEqual({ tokens: 1200, points: 1 })
  expect(await weighed(() => undefined)).toBeUndefined()
  expect(await weighed(undefined)).toBeUndefined()
})

test('where it fails, or answers nonsense, the weight is not known', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const fail = (): never => {
    throw new Error('mine')
  }
  for (const answer of [-1, NaN, Infinity, 'heavy', null, { tokens: -1 }, { tokens: 'many' }, Promise.resolve(1)])
    expect(await weighed(() => answer as never)).toBeUndefined()
  expect(await weighed(fail)).toBeUndefined()
  expect(error.mock.calls.length + warn.mock.calls.length).toBeLessThanOrEqual(1)
})

test('it is a function', () => {
  expect(() => createFetch([], { weight: 3 as never })).toThrow(/weight must be a function, got 3/)
})
