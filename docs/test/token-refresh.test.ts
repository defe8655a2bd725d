import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { aplomb, type Fetch, type Middleware } from 'aplomb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { blocksOf } from './markdown.ts'

type Refreshing = (renew: () => Promise<string>) => Middleware
type WithKeys = Parameters<typeof aplomb>[0]

const TARGET = 'https://api.test/v1/items'
const TOKENS = 'https://api.test/oauth/token'
const isForToken = ({ url }: Request): boolean => url === TOKENS

const docs = fileURLToPath(new URL('..', import.meta.url))
// Beside the guide, where its import is found.
const folder = mkdtempSync(join(docs, '.snippets-'))
let refreshing: Refreshing

beforeAll(async () => {
  const [block] = blocksOf(readFileSync(join(docs, 'token-refresh.md'), 'utf8'), 'token-refresh.md')
  const [code = ''] = (block?.code ?? '').split('\nconst tokens')
  const file = join(folder, 'refreshing.ts')
  writeFileSync(file, code)
  ;({ refreshing } = (await import(pathToFileURL(file).href)) as { refreshing: Refreshing })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** An API whose tokens are `token-1`, `token-2`, ...; each is good until the next one is given out, or revoked. */
const newApi = () => {
  let given = 0
  let good = ''
  const requests: { readonly path: string; readonly token: string | null; readonly body: string }[] = []
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init)
    const token = request.headers.get('authorization')
    requests.push({ path: new URL(request.url).pathname, token, body: await request.text() })
    if (request.url === TOKENS) return Response.json({ token: (good = `token-${++given}`) })
    return new Response(null, { status: token === `Bearer ${good}` ? 200 : 401 })
  }
  return {
    fetch,
    requests,
    revoke: () => (good = 'revoked'),
    given: () => given,
    sent: () => requests.filter(({ path }) => path !== '/oauth/token').length,
  }
}

const renewBy = (fetch: Fetch) => async (): Promise<string> =>
  ((await (await fetch(TOKENS, { method: 'POST' })).json()) as { token: string }).token

const statuses = async (fetch: Fetch, count: number, init?: RequestInit): Promise<readonly number[]> =>
  (await Promise.all(Array.from({ length: count }, () => fetch(TARGET, init)))).map(({ status }) => status)

const all = (status: number, count: number): readonly number[] => Array.from({ length: count }, () => status)

it('gets one token for all calls, and one more when that is refused, for each call one request more', async () => {
  const api = newApi()
  const fetch = aplomb({ fetch: api.fetch, use: [refreshing(renewBy(api.fetch))] })
  expect(await statuses(fetch, 40)).toEqual(all(200, 40))
  expect({ tokens: api.given(), sent: api.sent() }).toEqual({ tokens: 1, sent: 40 })
  api.revoke()
  expect(await statuses(fetch, 40, { method: 'POST', body: 'order' })).toEqual(all(200, 40))
  expect(api.given()).toBe(2)
  const posts = api.requests.slice(41).filter(({ path }) => path === '/v1/items')
  expect(posts.filter(({ token }) => token === 'Bearer token-2')).toHaveLength(40)
  expect(posts.length).toBeLessThanOrEqual(80)
  expect(new Set(posts.map(({ body }) => body))).toEqual(new Set(['order']))
})

it('a second 401 is the answer, and so is the first where the body is gone', async () => {
  const api = newApi()
  const fetch = aplomb({ fetch: api.fetch, use: [refreshing(() => Promise.resolve('none'))] })
  expect((await fetch(TARGET)).status).toBe(401)
  expect(api.sent()).toBe(2)
  const stream = { method: 'POST', body: new Blob(['upload']).stream(), duplex: 'half' } as RequestInit
  expect((await fetch(TARGET, stream)).status).toBe(401)
  expect(api.sent()).toBe(3)
})

it('a renewal that fails is the error of those that waited for it, and the next call asks again', async () => {
  const api = newApi()
  const down = new Error('no token today')
  let failing = true
  const renew = renewBy(api.fetch)
  const fetch = aplomb({ fetch: api.fetch, use: [refreshing(() => (failing ? Promise.reject(down) : renew()))] })
  const ends = await Promise.allSettled([fetch(TARGET), fetch(TARGET)])
  expect(ends).toEqual(all(0, 2).map(() => ({ status: 'rejected', reason: down })))
  failing = false
  expect((await fetch(TARGET)).status).toBe(200)
  expect({ tokens: api.given(), sent: api.sent() }).toEqual({ tokens: 1, sent: 1 })
})

it.each<[string, (api: Fetch) => Fetch]>([
  [
    'a fetch of its own',
    (inner) => {
      const tokens = aplomb({ fetch: inner, concurrencyGate: { limit: 1 } })
      return aplomb({ fetch: inner, concurrencyGate: { limit: 1 }, use: [refreshing(renewBy(tokens))] })
    },
  ],
  [
    'the same fetch, under a key of its own',
    (inner) => {
      const authorize = refreshing(() => renewBy(fetch)())
      const options: WithKeys = {
        fetch: inner,
        concurrencyGate: { limit: 1 },
        key: (request) => (isForToken(request) ? 'tokens' : new URL(request.url).origin),
        use: [(request, next) => (isForToken(request) ? next(request) : authorize(request, next))],
      }
      const fetch: Fetch = aplomb(options)
      return fetch
    },
  ],
])('with one place in line, a renewal by %s waits for none of those that wait for it', async (_, make) => {
  const api = newApi()
  const fetch = make(api.fetch)
  expect(await statuses(fetch, 10)).toEqual(all(200, 10))
  api.revoke()
  expect(await statuses(fetch, 10)).toEqual(all(200, 10))
  expect({ tokens: api.given(), sent: api.sent() }).toEqual({ tokens: 2, sent: 21 })
})
