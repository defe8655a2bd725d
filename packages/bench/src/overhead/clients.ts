import type { Fetch, Middleware } from '@aplomb/pipeline'

/** What the others are compared with. */
export const BARE: ClientName & 'fetch' = 'fetch'
export const CLIENTS = [
  'fetch',
  'an empty pipeline',
  'an idle relay',
  'a middleware that does nothing',
  'aplomb()',
  'p-retry + p-limit',
  'ky',
  'ofetch',
  'openai SDK',
] as const
export type ClientName = (typeof CLIENTS)[number]

/** Gets the one resource and gives the parsed answer. */
export type Call = (signal?: AbortSignal) => Promise<unknown>

const PATH = '/v1/lookup/192.0.2.1?fields=geo'
const RETRIES = 3
/** A limit that does not keep the calls of this benchmark waiting. */
const AT_ONCE = 64

const pass: Middleware = (request, next) => next(request)

const getter =
  (fetch: Fetch, url: string): Call =>
  async (signal) => {
    const response = await fetch(url, signal && { signal })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return response.json()
  }

/** Each as in the goodput benchmark, on an inner `fetch`. A library is loaded only in the processes that use it. */
export const createClient: Readonly<Record<ClientName, (origin: string, fetch: Fetch) => Promise<Call>>> = {
  fetch: async (origin, fetch) => getter(fetch, origin + PATH),

  'an empty pipeline': async (origin, fetch) => {
    const { createFetch } = await import('aplomb')
    return getter(createFetch([], { fetch }), origin + PATH)
  },

  'an idle relay': async (origin, fetch) => {
    const { createFetch, relay } = await import('@aplomb/pipeline')
    return getter(createFetch([relay('pass', (_, next) => next())], { fetch }), origin + PATH)
  },

  'a middleware that does nothing': async (origin, fetch) => {
    const { createFetch } = await import('aplomb')
    return getter(createFetch([pass], { fetch }), origin + PATH)
  },

  'aplomb()': async (origin, fetch) => {
    const { aplomb } = await import('aplomb')
    return getter(aplomb({ fetch }), origin + PATH)
  },

  'p-retry + p-limit': async (origin, fetch) => {
    const { default: pRetry } = await import('p-retry')
    const { default: pLimit } = await import('p-limit')
    const limit = pLimit(AT_ONCE)
    const get = getter(fetch, origin + PATH)
    return (signal) => limit(() => pRetry(() => get(signal), { retries: RETRIES }))
  },

  ky: async (origin, fetch) => {
    const { default: ky } = await import('ky')
    const client = ky.create({ fetch, retry: { limit: RETRIES, jitter: true } })
    return (signal) => client.get(origin + PATH, signal && { signal }).json()
  },

  ofetch: async (origin, fetch) => {
    const { createFetch } = await import('ofetch')
    const client = createFetch({ fetch, Headers, AbortController }).create({ retry: RETRIES, retryDelay: 500 })
    return (signal) => client<unknown>(origin + PATH, signal && { signal })
  },

  'openai SDK': async (origin, fetch) => {
    const { default: OpenAI } = await import('openai')
    const client = new OpenAI({ baseURL: origin, apiKey: 'none', maxRetries: RETRIES, fetch })
    return (signal) => client.get<unknown>(PATH, signal && { signal })
  },
}
