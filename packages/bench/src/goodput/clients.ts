import { newLimiter, type PeerName, PEERS, type Told } from '../fleet/peers/limiters.ts'

export const CLIENTS = [
  'aplomb',
  'ky',
  'got',
  'axios + axios-retry',
  'ofetch',
  'p-retry + p-limit',
  'cockatiel',
  'bottleneck',
  'undici RetryAgent',
  'openai SDK',
] as const
/** And one that needs a Redis, at `REDIS_URL`. */
export const FLEET_CLIENT = 'aplomb, one fleet'
export type ClientName = (typeof CLIENTS)[number] | typeof FLEET_CLIENT | PeerName

/** Gets `path` and gives the parsed answer, or rejects. */
export type Client = (path: string) => Promise<unknown>

/** Peers that have a concurrency limit are told this one, as their user would have to guess. */
const AT_ONCE = 10
/** The first send and three retries, for everybody whose default is another. */
const RETRIES = 3

/** What the documentation of the libraries that only wrap a function puts inside it. */
const getJson = async (url: string): Promise<unknown> => {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  return JSON.parse(text)
}

/** One that shares a Redis with all others of its name: what fails is tried again as by p-retry. */
const newPeer =
  (peer: PeerName) =>
  async (origin: string, told: Told): Promise<Client> => {
    const { Redis } = await import('ioredis')
    const { default: pRetry } = await import('p-retry')
    const limit = await newLimiter[peer](() => new Redis(process.env['REDIS_URL'] ?? ''), `peers:${origin}`, told)
    return (path) => pRetry(() => limit(() => getJson(origin + path)), { retries: RETRIES })
  }

/**
 * Each client shares no state with any other, is set up as its own documentation recommends, and told nothing of the API's
 * limits: but for those that share a Redis, of which all but ours are told. A library is loaded only in the processes that use it.
 */
export const createClient: Readonly<Record<ClientName, (origin: string, told: Told) => Promise<Client>>> = {
  aplomb: async (origin) => {
    const { aplomb, unwrap } = await import('aplomb')
    const fetch = aplomb()
    return async (path) => unwrap(await fetch(origin + path))
  },

  [FLEET_CLIENT]: async (origin) => {
    const { aplomb, unwrap } = await import('aplomb')
    const { redis } = await import('@aplomb/redis')
    const { Redis } = await import('ioredis')
    const fetch = aplomb({ store: redis(new Redis(process.env['REDIS_URL'] ?? '')) })
    return async (path) => unwrap(await fetch(origin + path))
  },

  ...(Object.fromEntries(PEERS.map((peer) => [peer, newPeer(peer)])) as Record<PeerName, ReturnType<typeof newPeer>>),

  ky: async (origin) => {
    const { default: ky } = await import('ky')
    const client = ky.create({ retry: { limit: RETRIES, jitter: true } })
    return (path) => client.get(origin + path).json()
  },

  got: async (origin) => {
    const { default: got } = await import('got')
    const client = got.extend({ retry: { limit: RETRIES } })
    return (path) => client.get(origin + path).json()
  },

  'axios + axios-retry': async (origin) => {
    const { default: axios } = await import('axios')
    const { default: axiosRetry, exponentialDelay } = await import('axios-retry')
    const client = axios.create({ baseURL: origin })
    axiosRetry(client, { retries: RETRIES, retryDelay: exponentialDelay })
    return async (path) => (await client.get<unknown>(path)).data
  },

  ofetch: async (origin) => {
    const { ofetch } = await import('ofetch')
    const client = ofetch.create({ baseURL: origin, retry: RETRIES, retryDelay: 500 })
    return (path) => client<unknown>(path)
  },

  'p-retry + p-limit': async (origin) => {
    const { default: pRetry } = await import('p-retry')
    const { default: pLimit } = await import('p-limit')
    const limit = pLimit(AT_ONCE)
    return (path) => limit(() => pRetry(() => getJson(origin + path), { retries: RETRIES }))
  },

  cockatiel: async (origin) => {
    const { bulkhead, ExponentialBackoff, handleAll, retry, wrap } = await import('cockatiel')
    // In the order of the Polly wiki, to which the documentation refers. The breaker of its first example is left out: it
    // refuses calls for ten seconds after five failures, and all of the job with them.
    const policy = wrap(
      retry(handleAll, { maxAttempts: RETRIES, backoff: new ExponentialBackoff() }),
      bulkhead(AT_ONCE, Infinity),
    )
    return (path) => policy.execute(() => getJson(origin + path))
  },

  bottleneck: async (origin) => {
    const { default: Bottleneck } = await import('bottleneck')
    const limiter = new Bottleneck({ maxConcurrent: AT_ONCE })
    // Its documentation has an example of 25 ms, once; no limit and no outage is over by then.
    limiter.on('failed', (_error, { retryCount }) =>
      Promise.resolve(retryCount < RETRIES ? 500 * 2 ** retryCount : undefined),
    )
    return (path) => limiter.schedule(() => getJson(origin + path))
  },

  'undici RetryAgent': async (origin) => {
    const { Agent, RetryAgent } = await import('undici')
    const agent = new RetryAgent(new Agent({ connections: AT_ONCE }), { maxRetries: RETRIES })
    return async (path) => (await agent.request({ method: 'GET', origin, path })).body.json()
  },

  'openai SDK': async (origin) => {
    const { default: OpenAI } = await import('openai')
    const client = new OpenAI({ baseURL: origin, apiKey: 'none', maxRetries: RETRIES })
    return (path) => client.get<unknown>(path)
  },
}
