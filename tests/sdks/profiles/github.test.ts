import { rules } from '@aplomb/classify'
import { createMockApi } from '@aplomb/mock-api'
import { github } from '@aplomb/mock-api/profiles'
import { Octokit } from '@octokit/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post, told } from './ask.ts'

const KEY = { authorization: 'token ghp_test' }
const REPO = 'https://api.github.com/repos/octocat/hello-world'
const GRAPHQL = 'https://api.github.com/graphql'
const viewer = { query: '{ viewer { login } }' }

describe('the profile of GitHub, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('the window of its resource on a success, and not the secondary one', async () => {
    const api = createMockApi({ profile: github })
    const answer = await api.fetch(REPO, { headers: KEY })
    expect(told(answer)).toEqual({ core: { limit: 5000, remaining: 4999, resetMs: 3_600_000 } })
    expect(await judged(answer)).toMatchObject({ kind: 'ok', requestId: expect.stringMatching(/^(?:[\dA-F]{4}:){4}/) })
    expect(told(await post(api, GRAPHQL, KEY, viewer))).toEqual({
      graphql: { limit: 5000, remaining: 4999, resetMs: 3_600_000 },
    })
  })

  it('the primary limit: a 403 with the reset as its wait', async () => {
    const api = createMockApi({ profile: github, limits: { core: { limit: 1 } } })
    await api.fetch(REPO, { headers: KEY })
    vi.advanceTimersByTime(3_590_000)
    const refused = await api.fetch(REPO, { headers: KEY })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([403, null])
    const asked = await api.fetch('https://api.github.com/rate_limit', { headers: KEY })
    expect((await asked.json()).rate).toEqual({
      limit: 1,
      remaining: 0,
      used: 1,
      reset: Date.UTC(2026, 0, 1, 1) / 1000,
    })
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: 10_000 })
  })

  it('the secondary limit: a 403 with something left, in points of 1 for reading and 5 for writing', async () => {
    const api = createMockApi({ profile: github, limits: { secondary: { limit: 6 } } })
    const title = { title: 'Found a bug' }
    const statuses = []
    for (let i = 0; i < 2; i++) statuses.push((await post(api, `${REPO}/issues`, KEY, title)).status)
    const refused = await post(api, `${REPO}/issues`, KEY, title)
    expect([...statuses, (await api.fetch(REPO, { headers: KEY })).status]).toEqual([201, 403, 200])
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: 60_000 })
  })

  it('more at once than there may be', async () => {
    const api = createMockApi({ profile: github, limits: { concurrency: 1 }, latencyMs: 10 })
    const first = api.fetch(REPO, { headers: KEY })
    expect(await judged(await api.fetch(REPO, { headers: KEY }))).toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 60_000,
    })
    await vi.advanceTimersByTimeAsync(10)
    expect((await first).status).toBe(200)
  })

  it('GraphQL: points by what is asked for, and a 200 that refuses', async () => {
    const api = createMockApi({ profile: github, limits: { graphql: { limit: 102 } } })
    const nested = { query: '{ repository { issues(first: 100) { nodes { comments(first: 100) { id } } } } }' }
    expect((await post(api, GRAPHQL, KEY, nested)).headers.get('x-ratelimit-used')).toBe('101')
    await post(api, GRAPHQL, KEY, viewer)
    const refused = await post(api, GRAPHQL, KEY, viewer)
    expect(refused.status).toBe(200)
    expect(await judged(refused, rules.graphql)).toMatchObject({ kind: 'rate-limited', retryAfterMs: 3_600_000 })
  })

  it.each([
    [401, 'GET', '/user', {}, 'unauthenticated'],
    [401, 'GET', '/user', { authorization: 'token invalid' }, 'unauthenticated'],
    [404, 'GET', '/repos/octocat/missing', KEY, 'missing'],
    [404, 'GET', '/nothing', KEY, 'missing'],
    [422, 'POST', '/repos/octocat/hello-world/issues', KEY, 'unprocessable'],
  ])('%i', async (status, method, path, headers, kind) => {
    const body = method === 'POST' ? '{}' : null
    const api = createMockApi({ profile: github })
    const refused = await api.fetch(`https://api.github.com${path}`, {
      method,
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    ['502', 'server-error', true],
    ['503', 'overloaded', true],
    ['403', 'forbidden', false],
  ] as const)('%s by chance', async (status, kind, retryable) => {
    const api = createMockApi({ profile: github, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await api.fetch(REPO, { headers: KEY }))).toMatchObject({ kind, retryable })
  })
})

describe('the profile of GitHub, as Octokit reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, auth = 'ghp_test') =>
    new Octokit({ auth, request: { fetch: api.fetch }, log: { debug() {}, info() {}, warn() {}, error() {} } })

  it('answers', async () => {
    const client = clientOf(createMockApi({ profile: github }))
    const repo = await client.request('GET /repos/{owner}/{repo}', { owner: 'octocat', repo: 'hello-world' })
    expect(repo.data).toMatchObject({ full_name: 'octocat/hello-world', owner: { login: 'octocat' } })
    const issues = await client.request('GET /repos/{owner}/{repo}/issues', { owner: 'octocat', repo: 'hello-world' })
    expect(issues.data.map(({ number }) => number)).toEqual([1, 2, 3])
    const created = await client.request('POST /repos/{owner}/{repo}/issues', {
      owner: 'octocat',
      repo: 'hello-world',
      title: 'Found another',
    })
    expect([created.status, created.data.number]).toEqual([201, 4])
    expect(await client.graphql('{ viewer { login } rateLimit { cost remaining } }')).toEqual({
      viewer: { login: 'octocat' },
      rateLimit: expect.objectContaining({ cost: 1, remaining: 4999 }),
    })
  })

  it('its errors', async () => {
    const api = createMockApi({ profile: github, limits: { core: { limit: 2 }, graphql: { limit: 1 } } })
    const client = clientOf(api)
    expect(await fault(client.request('GET /repos/octocat/missing'))).toMatchObject({
      name: 'HttpError',
      status: 404,
    })
    expect(await fault(clientOf(api, 'invalid').request('GET /user'))).toMatchObject({ status: 401 })
    expect(await fault(client.request('GET /user'))).toMatchObject({
      status: 403,
      message: expect.stringContaining('API rate limit exceeded'),
    })
    await client.graphql('{ viewer { login } }')
    expect(await fault(client.graphql('{ viewer { login } }'))).toMatchObject({
      name: 'GraphqlResponseError',
      errors: [{ type: 'RATE_LIMITED' }],
    })
  })
})
