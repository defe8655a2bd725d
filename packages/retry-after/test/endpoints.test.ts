import { classify } from '@aplomb/classify'
import { respond, type ScriptedAnswer } from '@aplomb/mock-api'
import { createFetch, type Fetch } from '@aplomb/pipeline'
import { expect, test, vi } from 'vitest'
import { outcomes, urlOf, useFakeTime } from '../../aplomb/test/support/time.ts'
import { retryAfter } from '../src/index.ts'

useFakeTime()

const KEY = 'https://api.test'

/** A call to `path` every 100 ms, every tenth of them to `other`; how long each of the first took. */
const trickle = async (answer: (path: string) => ScriptedAnswer, calls: number): Promise<number[]> => {
  const inner: Fetch = (input, init) => respond(answer(new URL(urlOf(input)).pathname))(input, init)
  const fetch = createFetch([retryAfter()], { fetch: inner })
  const took: number[] = []
  const one = async (i: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, i * 100))
    const began = performance.now()
    const path = i % 10 === 3 ? 'other' : 'path'
    await fetch(`${KEY}/${path}`)
    if (path === 'path') took.push(performance.now() - began)
  }
  await outcomes(Array.from({ length: calls }, (_, i) => one(i)))
  return took
}

test('an endpoint with a limit of its own holds the others three times, and then no more', async () => {
  const took = await trickle(
    (path) => (path === '/other' ? { status: 429, headers: { 'retry-after': '2' }, delayMs: 5 } : { delayMs: 50 }),
    400,
  )
  expect(took.filter((ms) => ms > 50).length).toBeLessThan(80)
  expect(Math.max(...took)).toBeLessThanOrEqual(6500)
  expect(Math.max(...took.slice(150))).toBe(50)
})

test('a window that only some endpoints speak of does not count what the others send', async () => {
  let left = 30
  const headers = (name: string, limit: number, remaining: number) => ({
    'x-ratelimit-resource': name,
    'x-ratelimit-limit': `${limit}`,
    'x-ratelimit-remaining': `${remaining}`,
    'x-ratelimit-reset': `${Math.ceil(Date.now() / 1000) + 3600}`,
  })
  const took = await trickle(
    (path) => ({
      delayMs: 50,
      headers: path === '/other' ? headers('search', 30, left--) : headers('core', 5000, 4000),
    }),
    200,
  )
  expect(Math.max(...took)).toBe(50)
})

test('nor does one that says of itself that it is used up, after the second time', async () => {
  const took = await trickle(
    (path) => ({
      delayMs: 50,
      ...(path === '/other' && {
        headers: { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' },
      }),
    }),
    900,
  )
  expect(Math.max(...took)).toBeLessThan(61_000)
  expect(Math.max(...took.slice(-100))).toBe(50)
})

test('failures that name no limit have left none out: a proxy may speak for the API', async () => {
  const reset = `${Math.ceil(Date.now() / 1000) + 60}`
  const headers = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': reset }
  const answers: ScriptedAnswer[] = [{ headers }, ...Array.from({ length: 3 }, () => ({ status: 502 }))]
  const inner: Fetch = (input, init) => respond(answers.shift() ?? { headers })(input, init)
  const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
  for (let i = 0; i < 4; i++) await fetch(KEY)
  let settled = false
  const next = fetch(KEY).then(() => void (settled = true))
  await vi.advanceTimersByTimeAsync(1000)
  expect(settled).toBe(false)
  await vi.advanceTimersByTimeAsync(60_000)
  await next
})
