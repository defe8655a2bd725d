import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import {
  constrained,
  createFetch,
  type CreateFetchOptions,
  middleware,
  type WeighedAnswer,
  type Weigher,
  type Weight,
} from '../src/index.ts'

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
  expect(await weighed(() => ({ tokens: { onArrival: 900, later: 300 } }))).toEqual({
    tokens: { onArrival: 900, later: 300 },
  })
  expect(await weighed(() => undefined)).toBeUndefined()
  expect(await weighed(undefined)).toBeUndefined()
})

test('where it fails, or answers nonsense, the weight is not known', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const fail = (): never => {
    throw new Error('mine')
  }
  for (const answer of [
    -1,
    NaN,
    Infinity,
    'heavy',
    null,
    { tokens: -1 },
    { tokens: 'many' },
    { tokens: { onArrival: 1 } },
    Promise.resolve(1),
  ])
    expect(await weighed(() => answer as never)).toBeUndefined()
  expect(await weighed(fail)).toBeUndefined()
  expect(error.mock.calls.length + warn.mock.calls.length).toBeLessThanOrEqual(1)
})

test('it is a function', () => {
  expect(() => createFetch([], { weight: 3 as never })).toThrow(/weight must be a function, got 3/)
})

describe('one that learns the truth', () => {
  /** What a constraint hears, in order, of a call with this answer. */
  const heard = async (answered: Weigher['answered'], response = new Response('{}')): Promise<readonly unknown[]> => {
    const all: unknown[] = []
    const constraint = constrained('look', () => ({
      waitMs: ({ call }) => (call.weight === 5 ? 0 : Infinity),
      settled: (_, truth) => void all.push(truth),
      heard: (_, { verdict }) => void all.push(verdict.kind),
    }))
    const weight = Object.assign(() => 5, { answered })
    await createFetch([constraint], { fetch: async () => response, weight })(TARGET)
    return all
  }

  test('sees the answer, unread, and the request that it has weighed', async () => {
    const response = new Response('{}')
    const answers: WeighedAnswer[] = []
    const asked: Request[] = []
    const weight = Object.assign((request: Request) => asked.push(request), {
      answered: (answer: WeighedAnswer) => void answers.push(answer),
    })
    const constraint = constrained('look', () => ({ waitMs: ({ call }) => (call.weight === 1 ? 0 : Infinity) }))
    expect(await createFetch([constraint], { fetch: async () => response, weight })(TARGET)).toBe(response)
    expect(answers).toHaveLength(1)
    expect(answers[0]?.request).toBe(asked[0])
    expect(answers[0]?.response).toBe(response)
    expect(response.bodyUsed).toBe(false)
  })

  test('settles what headers tell before the answer is heard', async () => {
    expect(await heard(({ settle }) => settle({ tokens: 7 }))).toEqual([{ tokens: 7 }, 'ok'])
  })

  test('settles once, as late as it likes', async () => {
    let late: ((weight: Weight) => void) | undefined
    const seen = await heard(({ settle }) => {
      late = settle
    })
    expect(seen).toEqual(['ok'])
    late?.({ tokens: { onArrival: 3, later: 4 } })
    late?.(9)
    expect(seen).toEqual(['ok', { tokens: { onArrival: 3, later: 4 } }])
  })

  test('is asked anew whenever it matters, with the same request', async () => {
    const asked = new Set<Request>()
    let known = 0
    const weight = Object.assign((request: Request) => (asked.add(request), ++known), { answered: () => undefined })
    const seen: unknown[] = []
    const look = middleware('look', (request, next, call) => {
      seen.push(call.weight, call.weight)
      return next(request)
    })
    await createFetch([look], { fetch: async () => new Response('{}'), weight })(TARGET)
    expect(seen).toEqual([1, 2])
    expect(asked.size).toBe(1)
  })

  test('is not shown what is of no use', async () => {
    const answered = vi.fn()
    expect(await heard(answered, new Response(null, { status: 429 }))).toEqual(['rate-limited'])
    expect(answered).not.toHaveBeenCalled()
  })

  test('breaks no call, and settles no nonsense', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const fail = (): never => {
      throw new Error('mine')
    }
    expect(await heard(fail)).toEqual(['ok'])
    for (const nonsense of [NaN, -1, 'many', undefined, { tokens: -1 }])
      expect(await heard(({ settle }) => settle(nonsense as never))).toEqual(['ok'])
  })
})
