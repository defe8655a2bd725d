import { expect, test, vi } from 'vitest'
import { aplomb } from '../src/index.ts'
import { useFakeTime } from './support/time.ts'

useFakeTime()

/** What tests put in place of an answer. */
const doubles: Readonly<Record<string, () => unknown>> = {
  'no more than it takes': () => ({ ok: true, status: 200, json: async () => 1 }),
  'headers as an object': () => ({ ok: false, status: 400, headers: { 'content-type': 'text/event-stream' } }),
  'headers as a Map, a body of Node': () => ({
    status: 200,
    headers: new Map([['content-type', 'text/event-stream']]),
    body: { pipe: () => undefined },
  }),
  'a frozen event stream': () =>
    Object.freeze(new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })),
}

test.each(Object.keys(doubles))('an inner fetch that answers with %s: it is handed through', async (name) => {
  const answer = doubles[name]!()
  const fetch = aplomb({ fetch: async () => answer as Response })
  expect(await fetch('https://api.test/')).toBe(answer)
  expect(fetch.stats()?.active).toBe(name.includes('frozen') ? 1 : 0)
})

test.each([undefined, null, 'text', 200, true])(
  'an inner fetch that answers %o: an error of its own, sent once',
  async (answer) => {
    const inner = vi.fn(async () => answer as unknown as Response)
    const fetch = aplomb({ fetch: inner })
    for (const init of [undefined, { method: 'POST', body: 'x' }])
      await expect(fetch('https://api.test/', init)).rejects.toMatchObject({ name: 'NoResponseError', by: 'fetch' })
    expect(inner).toHaveBeenCalledTimes(2)
    expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 })
  },
)

test('one Response that answers every call is judged each time, and charged once', async () => {
  const answer = new Response('{}', { headers: { 'x-credits-charged': '2' } })
  const fetch = aplomb({ fetch: async () => answer })
  for (let i = 0; i < 3; i++) expect(await fetch('https://api.test/')).toBe(answer)
  expect(fetch.usage()?.spent).toBe(2)
})
