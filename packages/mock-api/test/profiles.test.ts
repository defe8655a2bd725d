import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, leastTimeMs, type MockApiOptions, type Profile } from '../src/index.ts'
import * as profiles from '../src/profiles/index.ts'

const { google, openai } = profiles

const create = (options: object) => () => createMockApi(options as MockApiOptions)

describe('a profile and its limits are checked at creation', () => {
  test.each<[object, string]>([
    [
      { profile: 'openai' },
      "profile must be a profile of '@aplomb/mock-api/profiles', such as its openai, got 'openai'",
    ],
    [{ profile: {} }, "profile must be a profile of '@aplomb/mock-api/profiles', such as its openai, got object"],
    [{ limits: {} }, 'limits goes with a profile only'],
    [
      { profile: openai, limits: { request: { limit: 1 } } },
      'unknown option limits.request (object); did you mean requests? It takes a plain object with limit, windowMs or burst or false',
    ],
    [
      { profile: openai, limits: { concurrency: 3 } },
      'unknown option limits.concurrency (3); there are requests, tokens, credits',
    ],
    [
      { profile: openai, limits: { requests: { limt: 1 } } },
      'unknown option limits.requests.limt (1); did you mean limit? It takes a whole number, 1 or more',
    ],
    [
      { profile: openai, limits: { requests: 5 } },
      'limits.requests must be a plain object with limit, windowMs or burst or false, got 5',
    ],
    [
      { profile: google, limits: { requests: { burst: 2 } } },
      'unknown option limits.requests.burst (2); there are limit, windowMs',
    ],
    [
      { profile: openai, limits: { credits: -1 } },
      'limits.credits must be a finite number, 0 or more or false, got -1',
    ],
    [{ profile: openai, windows: [] }, 'windows goes without a profile only; limits sets those of openai'],
    [{ profile: openai, concurrency: 3 }, 'concurrency goes without a profile only; limits sets those of openai'],
    [{ profile: openai, headers: false }, 'headers goes without a profile only; limits sets those of openai'],
  ])('%o', (options, message) => {
    expect(create(options)).toThrow(`createMockApi: ${message}`)
  })

  test('nobody knows in advance how long a profile takes', () => {
    expect(() => leastTimeMs({ profile: openai }, 1)).toThrow(TypeError)
  })
})

/** A vendor of our own, with one of everything. */
const acme: Profile<'points' | 'perRoute' | 'concurrency' | 'credits'> = {
  name: 'acme',
  limits: {
    points: { kind: 'bucket', limit: 10, windowMs: 1000 },
    perRoute: { kind: 'fixed', limit: 3, windowMs: 1000, per: 'route' },
    concurrency: 3,
    credits: 100,
  },
  routes: {
    'POST /jobs': (call) => {
      call.take('points', Number(call.url.searchParams.get('more') ?? 0))
      return { body: { left: call.window('points')?.remaining } }
    },
    'GET /jobs/:id': (_, { id }) => ({ body: { id } }),
    'GET /events': () => ({ events: ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'] }),
  },
  weigh: ({ url }) => ({ points: Number(url.searchParams.get('points') ?? 1), perRoute: 1 }),
  cost: ({ url }) => Number(url.searchParams.get('cost') ?? 1),
  locks: ({ url }) => url.searchParams.getAll('lock'),
  headers: ({ windows, creditsLeft, inFlight }) => ({
    'x-points': String(windows.points?.remaining),
    'x-credits': String(creditsLeft),
    'x-active': String(inFlight),
  }),
  problems: {
    window: ({ name, requested, waitMs }) => ({ status: 429, body: { name, requested, waitMs } }),
    size: ({ name, requested }) => ({ status: 413, body: { name, requested } }),
    concurrency: () => ({ status: 429, body: 'busy' }),
    credits: () => ({ status: 402, body: 'pay' }),
    lock: ({ lock }) => ({ status: 409, body: lock }),
    route: () => ({ status: 404, body: 'where?' }),
    failure: ({ status, waitMs }) => ({ status, body: { waitMs } }),
  },
}

const url = (path: string) => `https://acme.test${path}`
const postTo = (api: ReturnType<typeof createMockApi>, path: string) => api.fetch(url(path), { method: 'POST' })

describe('what a profile counts', () => {
  beforeEach(() => vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  test('weights: of the window that is closed for longest, with what was asked for and the wait', async () => {
    const api = createMockApi({ profile: acme })
    expect((await postTo(api, '/jobs?points=7')).headers.get('x-points')).toBe('3')
    const refused = await postTo(api, '/jobs?points=5')
    expect(await refused.json()).toEqual({ name: 'points', requested: 5, waitMs: 200 })
    expect(refused.headers.get('x-points')).toBe('3')
    vi.advanceTimersByTime(200)
    expect((await postTo(api, '/jobs?points=5')).status).toBe(200)
  })

  test('a request that is larger than the window never fits', async () => {
    const refused = await postTo(createMockApi({ profile: acme }), '/jobs?points=11')
    expect([refused.status, await refused.json()]).toEqual([413, { name: 'points', requested: 11 }])
  })

  test('what an answer took more, or gives back', async () => {
    const api = createMockApi({ profile: acme })
    expect(await (await postTo(api, '/jobs?points=2&more=3')).json()).toEqual({ left: 5 })
    expect(await (await postTo(api, '/jobs?points=5&more=-4')).json()).toEqual({ left: 4 })
    expect(await (await postTo(api, '/jobs?points=0&more=-9')).json()).toEqual({ left: 10 })
  })

  test('one window for each route', async () => {
    const api = createMockApi({ profile: acme, limits: { perRoute: { limit: 1 } } })
    const statuses = []
    for (const path of ['/jobs/1', '/jobs/2', '/events']) statuses.push((await api.fetch(url(path))).status)
    expect(statuses).toEqual([200, 429, 200])
  })

  test('none where it is switched off', async () => {
    const api = createMockApi({
      profile: acme,
      limits: { perRoute: false, points: false, credits: false, concurrency: false },
    })
    const answers = await Promise.all(Array.from({ length: 50 }, () => api.fetch(url('/jobs/1'))))
    expect(answers.filter(({ ok }) => ok)).toHaveLength(50)
    expect(answers[0]?.headers.get('x-credits')).toBe('Infinity')
  })

  test('concurrency, credits by cost, and locks', async () => {
    const api = createMockApi({ profile: acme, latencyMs: 10, limits: { points: false, perRoute: { limit: 99 } } })
    const calls = ['?lock=a&cost=60', '?lock=a', '?lock=b', '', ''].map((query) => postTo(api, `/jobs${query}`))
    await vi.advanceTimersByTimeAsync(10)
    const answers = await Promise.all(calls)
    expect(await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))).toEqual([
      [200, '{}'],
      [409, 'a'],
      [200, '{}'],
      [200, '{}'],
      [429, 'busy'],
    ])
    const more = [postTo(api, '/jobs?lock=a&cost=50'), postTo(api, '/jobs?lock=a&cost=38')]
    await vi.advanceTimersByTimeAsync(10)
    expect((await Promise.all(more)).map(({ status }) => status)).toEqual([402, 200])
    expect(api.stats()).toMatchObject({ creditsLeft: 0, rejections: { concurrency: 2, credits: 1 }, inFlight: 0 })
  })

  test('a lock ends with the client that leaves', async () => {
    const api = createMockApi({ profile: acme, latencyMs: 10 })
    const gone = new AbortController()
    const left = api.fetch(url('/jobs?lock=a'), { method: 'POST', signal: gone.signal })
    await vi.advanceTimersByTimeAsync(1)
    gone.abort()
    await expect(left).rejects.toThrow('This operation was aborted')
    expect(vi.getTimerCount()).toBe(0)
    const next = postTo(api, '/jobs?lock=a')
    await vi.advanceTimersByTimeAsync(10)
    expect((await next).status).toBe(200)
  })

  test('nothing of a request that was left before it had arrived', async () => {
    const api = createMockApi({ profile: acme })
    const gone = new AbortController()
    const left = api.fetch(url('/jobs'), { method: 'POST', body: 'x', signal: gone.signal })
    gone.abort()
    await expect(left).rejects.toThrow('This operation was aborted')
    await vi.advanceTimersByTimeAsync(0)
    expect(api.stats().requests).toBe(0)
  })
})

describe('a profile goes with the other options', () => {
  test('outages and chance are told in its words', async () => {
    const down = createMockApi({ profile: acme, outages: [{ fromMs: 0, toMs: 60_000, status: 502, retryAfter: true }] })
    const answer = await postTo(down, '/jobs')
    expect([answer.status, Object.keys(await answer.json())]).toEqual([502, ['waitMs']])
    const flaky = await postTo(createMockApi({ profile: acme, flaky: { rate: 1, kinds: ['500'] } }), '/jobs')
    expect([flaky.status, await flaky.json()]).toEqual([500, {}])
  })

  test('routes of your own win, with their body unread', async () => {
    const api = createMockApi({
      profile: acme,
      routes: (app) => app.post('/jobs', async (c) => c.text(await c.req.text())),
    })
    const answer = await api.fetch(url('/jobs'), { method: 'POST', body: 'mine' })
    expect([await answer.text(), answer.headers.get('x-points')]).toEqual(['mine', '9'])
    expect((await api.fetch(url('/v1/lookup/1.2.3.4'))).status).toBe(404)
  })

  test('what is exempt is not counted', async () => {
    const api = createMockApi({ profile: acme, exempt: () => true, limits: { points: { limit: 1 } } })
    for (let i = 0; i < 3; i++) expect((await postTo(api, '/jobs?more=1')).status).toBe(200)
    expect(api.stats()).toMatchObject({ requests: 0, exempt: 3 })
  })

  test('streams hold their slot until they end, and are made as they are read', async () => {
    const api = createMockApi({ profile: acme })
    const answer = await api.fetch(url('/events'))
    expect([answer.headers.get('content-type'), api.stats().inFlight]).toEqual(['text/event-stream', 1])
    expect(await answer.text()).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    expect(api.stats().inFlight).toBe(0)
  })

  test('the same seed gives the same answers, and reset() goes back to the beginning', async () => {
    const ask = (api: ReturnType<typeof createMockApi>) =>
      api
        .fetch(url('/v1/chat/completions'), {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: 'Bearer k' },
          body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
        })
        .then((answer) => answer.text())
    const api = createMockApi({ profile: openai })
    const first = await ask(api)
    const second = await ask(api)
    api.reset()
    expect(await ask(api)).toBe(first)
    expect(await ask(createMockApi({ profile: openai }))).toBe(first)
    expect(JSON.parse(second)).toEqual({ ...JSON.parse(first), id: expect.not.stringMatching(JSON.parse(first).id) })
    expect(await ask(createMockApi({ profile: openai, seed: 2 }))).not.toBe(first)
  })
})

describe('every profile', () => {
  const all = Object.entries(profiles) as readonly (readonly [string, Profile])[]

  test.each(all)('%s goes by its name, and answers a route that it has not', async (name, profile) => {
    expect(profile.name).toBe(name)
    const response = await createMockApi({ profile }).fetch('https://api.test/no/such/route', { method: 'OPTIONS' })
    expect(response.status).toBeLessThan(500)
  })

  test.each(all)('%s stands in the table of docs/mock-profiles.md, with its limits', async (name, { limits }) => {
    const page = await readFile(new URL('../../../docs/mock-profiles.md', import.meta.url), 'utf8')
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? ''
    const told = [...(row.split(' | ')[2] ?? '').matchAll(/`([\w-]+)`/g)].map(([, limit]) => limit)
    expect(new Set(told)).toEqual(new Set(Object.keys(limits)))
  })
})
