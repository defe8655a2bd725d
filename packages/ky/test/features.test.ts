import type { KyInstance, Options } from 'ky'
import { describe, expect, it } from 'vitest'
import { kyHooks, kyOptions } from '../src/index.ts'
import { type Answer, never, type Server, serverOf } from './support/server.ts'
import { settled, useFakeTime } from './support/time.ts'
import { hooksOf, type Seen, VERSIONS } from './support/versions.ts'

const URL_OF = 'https://api.test/v1/items'

/** ky by itself, and with each of the mounts. `repeats`: whether a mount may send again by itself. */
const MOUNTS: Readonly<Record<string, (ky: KyInstance, fetch: Server, repeats: boolean) => KyInstance>> = {
  kyOptions: (ky, fetch, repeats) =>
    ky.create({ ...kyOptions({ fetch, log: false, backoffJitter: { baseMs: 1, maxAttempts: repeats ? 4 : 1 } }) }),
  kyHooks: (ky, fetch) => ky.create({ fetch, hooks: kyHooks({ log: false, backoffJitter: { baseMs: 1 } }) }),
}

/** With its limit: 2.1 keeps the 0 of `kyOptions()` otherwise, 1.14 does not. */
const REPEATS = { limit: 2, delay: () => 1 }

interface Setting {
  readonly api: KyInstance
  readonly ky: KyInstance
  readonly major: 1 | 2
  readonly note: (what: unknown) => void
}

interface Feature {
  readonly name: string
  /** @default all */
  readonly major?: 1 | 2
  readonly script?: readonly (() => Answer)[]
  /** ky's own loop is what is looked at: where the mount is a `fetch`, only ky repeats. */
  readonly loop?: boolean
  readonly run: (setting: Setting) => Promise<unknown>
}

const told = (error: unknown): unknown => {
  const { name, message, data, response, code } = error as Seen['error']
  return { name, message, data, status: response?.status, code }
}
const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch(told)
const hooked = (major: 1 | 2, hooks: Parameters<typeof hooksOf>[1]): Options => ({ hooks: hooksOf(major, hooks) })

const text = (body: string, init?: ResponseInit) => () => new Response(body, init)

const FEATURES: readonly Feature[] = [
  {
    name: 'json in, json out',
    run: async ({ api }) => api.post(URL_OF, { json: { a: [1, 'ü'] } }).json(),
  },
  {
    name: 'each shortcut sets its Accept header and parses',
    script: [
      text('{"a":1}'),
      text('text'),
      text('bytes'),
      text('blob'),
      text('a=1&b=2', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    ],
    run: async ({ api, note }) => {
      note(await api.get(URL_OF).json())
      note(await api.get(URL_OF).text())
      note([...new Uint8Array(await api.get(URL_OF).arrayBuffer())])
      note(await (await api.get(URL_OF).blob()).text())
      note([...(await api.get(URL_OF).formData())])
    },
  },
  {
    name: 'every method',
    run: async ({ api, note }) => {
      for (const method of ['get', 'put', 'patch', 'head', 'delete'] as const) note((await api[method](URL_OF)).status)
    },
  },
  {
    name: 'searchParams as object, string and URLSearchParams, and merged',
    run: async ({ api }) => {
      await api.get(URL_OF, { searchParams: { a: 1, b: true } })
      await api.get(URL_OF, { searchParams: '?c=3' })
      await api.get(URL_OF, {
        searchParams: new URLSearchParams([
          ['d', '4'],
          ['d', '5'],
        ]),
      })
      await api.extend({ searchParams: { key: 'k' } }).get(URL_OF, { searchParams: { e: 1 } })
    },
  },
  { name: 'prefixUrl', major: 1, run: async ({ api }) => api.get('items', { prefixUrl: URL_OF } as Options).json() },
  { name: 'prefix', major: 2, run: async ({ api }) => api.get('/items', { prefix: URL_OF }).json() },
  { name: 'baseUrl', major: 2, run: async ({ api }) => api.get('../items', { baseUrl: URL_OF }).json() },
  {
    name: 'headers are merged and removed',
    run: async ({ api }) => {
      const one = api.extend({ headers: { 'x-one': '1', 'x-two': '2' } })
      await one.get(URL_OF, { headers: { 'x-two': undefined, 'x-three': '3' } })
    },
  },
  {
    name: 'bodies: text, form, bytes, parameters, stream, Request',
    run: async ({ api }) => {
      const form = new FormData()
      form.append('name', 'value')
      for (const body of ['text', form, new TextEncoder().encode('bytes'), new URLSearchParams({ a: '1' })])
        await api.post(URL_OF, { body })
      await api.post(URL_OF, { body: new Blob(['streamed']).stream() })
      await api(new Request(URL_OF, { method: 'POST', body: 'of a Request', headers: { 'x-a': '1' } }))
    },
  },
  {
    name: 'parseJson and stringifyJson',
    run: async ({ api }) =>
      api
        .extend({ parseJson: (json) => ({ parsed: json }), stringifyJson: (value) => `!${JSON.stringify(value)}` })
        .put(URL_OF, { json: { a: 1 } })
        .json(),
  },
  {
    name: 'HTTPError with its data, request and context',
    script: [() => 404, text('plain', { status: 400 }), () => 422],
    run: async ({ api, note }) => {
      for (let i = 0; i < 3; i++) {
        const error = (await api.get(URL_OF, { context: { i } }).catch((one: unknown) => one)) as Seen['error'] & {
          readonly request: Request
          readonly options: Seen['options']
        }
        note([told(error), error.request.url, error.options.context])
      }
    },
  },
  {
    name: 'throwHttpErrors, false and as a function',
    script: [() => 404, () => 404, () => 400],
    run: async ({ api, note }) => {
      note(await api.get(URL_OF, { throwHttpErrors: false }).json())
      note(await outcomeOf(api.get(URL_OF, { throwHttpErrors: ((status: number) => status !== 404) as never }).json()))
      note(await outcomeOf(api.get(URL_OF, { throwHttpErrors: ((status: number) => status !== 404) as never }).json()))
    },
  },
  {
    name: 'a POST that fails is not sent again',
    script: [() => 500],
    run: async ({ api }) => outcomeOf(api.post(URL_OF, { json: 1 })),
  },
  {
    name: 'timeout, for which nothing is sent again',
    script: [() => never],
    run: async ({ api }) => outcomeOf(api.get(URL_OF, { timeout: 20 })),
  },
  {
    name: 'retryOnTimeout',
    loop: true,
    script: [() => never],
    run: async ({ api }) =>
      api.get(URL_OF, { timeout: 20, retry: { ...REPEATS, limit: 1, retryOnTimeout: true } }).json(),
  },
  {
    name: 'totalTimeout',
    major: 2,
    script: [() => never],
    run: async ({ api }) => outcomeOf(api.get(URL_OF, { timeout: false, totalTimeout: 20 })),
  },
  {
    name: 'an abort before and while it is under way',
    script: [() => never],
    run: async ({ api, note }) => {
      const reason = new Error('mine')
      const controller = new AbortController()
      const call = api.get(URL_OF, { signal: controller.signal }).catch((error: unknown) => error)
      setTimeout(() => controller.abort(reason), 20)
      note((await call) === reason)
      note(await outcomeOf(api.get(URL_OF, { signal: controller.signal })))
    },
  },
  {
    name: 'download progress',
    script: [text('0123456789', { headers: { 'content-length': '10' } })],
    run: async ({ api, note }) =>
      api.get(URL_OF, { onDownloadProgress: (progress, chunk) => note([progress, chunk.length]) }).text(),
  },
  {
    name: 'upload progress',
    run: async ({ api, note }) =>
      api.post(URL_OF, { body: '0123456789', onUploadProgress: (progress) => note(progress) }).json(),
  },
  {
    name: 'init hooks',
    major: 2,
    run: async ({ api, note }) =>
      api
        .extend({ hooks: { init: [(options) => note(Object.keys(options.hooks ?? {}).includes('init'))] } })
        .get(URL_OF, { hooks: { init: [(options) => (options.searchParams = { init: 1 })] } })
        .json(),
  },
  {
    name: 'hooks in their order, over instances',
    script: [() => 404],
    run: async ({ api, major, note }) => {
      const named = (name: string): Options =>
        hooked(major, {
          beforeRequest: ({ request, retryCount }) => {
            request.headers.append('x-hooks', name)
            note([name, 'beforeRequest', request.url, retryCount])
          },
          afterResponse: async ({ response, retryCount }) =>
            note([name, 'afterResponse', await response.json(), retryCount]),
          beforeError: ({ error }) => {
            note([name, 'beforeError', told(error)])
            error.message += name
            return error
          },
        })
      return outcomeOf(api.extend(named('one')).extend(named('two')).get(URL_OF, named('three')).json())
    },
  },
  {
    name: 'hooks in their order, over retries',
    loop: true,
    script: [() => 503, () => 500],
    run: async ({ api, major, note }) =>
      api
        .extend({
          retry: REPEATS,
          ...hooked(major, {
            afterResponse: ({ response, retryCount, options }) =>
              note(['afterResponse', response.status, retryCount, retryCount === options.retry.limit]),
            beforeRetry: ({ error, request, retryCount }) => {
              request.headers.set('x-retry', String(retryCount))
              note(['beforeRetry', told(error), retryCount])
            },
          }),
        })
        .get(URL_OF)
        .json(),
  },
  {
    name: 'retry.limit, after which the last answer is thrown',
    loop: true,
    script: [() => 500, () => 500, () => 503, () => 500],
    run: async ({ api }) => outcomeOf(api.get(URL_OF, { retry: REPEATS })),
  },
  {
    name: 'retry: 0',
    loop: true,
    script: [() => 500],
    run: async ({ api }) => outcomeOf(api.get(URL_OF, { retry: 0 })),
  },
  {
    name: 'retry.methods',
    loop: true,
    script: [() => 500, () => 200, () => 500],
    run: async ({ api, note }) => {
      note(await outcomeOf(api.post(URL_OF, { json: 1, retry: { ...REPEATS, methods: ['post'] } }).json()))
      note(await outcomeOf(api.put(URL_OF, { json: 1, retry: { ...REPEATS, methods: ['get'] } }).json()))
    },
  },
  {
    name: 'retry.shouldRetry, both ways',
    loop: true,
    script: [() => 404, () => 200, () => 500],
    run: async ({ api, note }) => {
      note(await api.get(URL_OF, { retry: { ...REPEATS, shouldRetry: () => true } }).json())
      note(await outcomeOf(api.get(URL_OF, { retry: { ...REPEATS, shouldRetry: () => false } }).json()))
    },
  },
  {
    name: 'a failure of the network is mended',
    loop: true,
    script: [() => new TypeError('fetch failed')],
    run: async ({ api, major, note }) =>
      api
        .get(URL_OF, {
          retry: REPEATS,
          ...hooked(major, { beforeRetry: ({ error, retryCount }) => note([error.name, retryCount]) }),
        })
        .json(),
  },
  {
    name: 'a failure of the network, of a POST',
    script: [() => new TypeError('fetch failed')],
    run: async ({ api }) => outcomeOf(api.post(URL_OF, { json: 1 })),
  },
  {
    name: 'beforeRequest answers, or sends another request',
    run: async ({ api, major, note }) => {
      note(await api.get(URL_OF, hooked(major, { beforeRequest: () => Response.json('of a hook') })).json())
      const other = ({ request }: Seen) => new Request(`${request.url}/other`, request)
      note(await api.post(URL_OF, { json: 1, ...hooked(major, { beforeRequest: other }) }).json())
    },
  },
  {
    name: 'afterResponse answers, or throws',
    script: [() => 200, () => 404, () => 200],
    run: async ({ api, major, note }) => {
      const answer = hooked(major, { afterResponse: () => Response.json('of a hook') })
      note(await api.get(URL_OF, answer).json())
      note(await api.get(URL_OF, answer).json())
      const thrown = hooked(major, {
        afterResponse: () => {
          throw new Error('of a hook')
        },
      })
      note(await outcomeOf(api.post(URL_OF, { ...thrown, retry: 0 })))
    },
  },
  {
    name: 'beforeRetry sends another request',
    loop: true,
    script: [() => 500],
    run: async ({ api, major }) =>
      api
        .post(URL_OF, {
          json: { a: 1 },
          retry: { ...REPEATS, methods: ['post'] },
          ...hooked(major, { beforeRetry: ({ request }) => new Request(`${request.url}/other`, request) }),
        })
        .json(),
  },
  {
    name: 'beforeRetry answers',
    loop: true,
    script: [() => 500],
    run: async ({ api, major }) => {
      const answer = hooked(major, { beforeRetry: () => Response.json('of a hook') })
      return api.get(URL_OF, { retry: REPEATS, ...answer }).json()
    },
  },
  {
    name: 'beforeRetry throws',
    loop: true,
    script: [() => 500],
    run: async ({ api, major }) => {
      const thrown = hooked(major, {
        beforeRetry: () => {
          throw new Error('of a hook')
        },
      })
      return outcomeOf(api.get(URL_OF, { retry: REPEATS, ...thrown }))
    },
  },
  {
    name: 'ky.stop',
    loop: true,
    script: [() => 500],
    run: async ({ api, ky, major }) =>
      api.get(URL_OF, { retry: REPEATS, ...hooked(major, { beforeRetry: () => ky.stop }) }),
  },
  {
    name: 'ky.retry, with a delay, another request and a code',
    loop: true,
    run: async ({ api, ky, major, note }) =>
      api
        .post(URL_OF, {
          json: { a: 1 },
          retry: { ...REPEATS, limit: 1 },
          ...hooked(major, {
            afterResponse: ({ request, retryCount }) =>
              retryCount === 0
                ? ky.retry({
                    delay: 1,
                    code: 'AGAIN',
                    request: new Request(`${URL_OF}/other`, { method: 'PUT', headers: request.headers, body: 'new' }),
                  })
                : undefined,
            beforeRetry: ({ error, retryCount }) => note([told(error), retryCount]),
          }),
        })
        .json(),
  },
  {
    name: 'ky.retry, as often as the limit allows',
    loop: true,
    run: async ({ api, ky, major }) =>
      outcomeOf(
        api.get(URL_OF, { retry: REPEATS, ...hooked(major, { afterResponse: () => ky.retry({ code: 'AGAIN' }) }) }),
      ),
  },
]

useFakeTime()

describe.each(VERSIONS)('ky %s', (_, ky, major) => {
  const features = FEATURES.filter((one) => (one.major ?? major) === major)
  describe.each(Object.keys(MOUNTS))('with %s', (mount) => {
    it.each(features.map((one) => [one.name, one] as const))(
      '%s: as without',
      async (__, { run, script = [], loop = false }) => {
        const record = async (make: (fetch: Server) => KyInstance): Promise<unknown> => {
          const fetch = serverOf(...script.map((one) => one()))
          const noted: unknown[] = []
          const result = await settled(run({ api: make(fetch), ky, major, note: (what) => noted.push(what) }))
          return { noted, result, served: fetch.served }
        }
        const bare = await record((fetch) => ky.create({ fetch, ...(mount === 'kyOptions' && !loop && { retry: 0 }) }))
        const mounted = await record((fetch) => MOUNTS[mount]?.(ky, fetch, !loop) as KyInstance)
        expect(mounted).toEqual(bare)
      },
    )
  })
})
