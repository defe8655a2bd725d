import { callback, type Fetch, type KindsOf, type Middleware, readOptions, required, string } from '@aplomb/pipeline'
import type { Engine } from './engine.ts'
import { fleet } from './fleet.ts'
import { engineOf, type RedisOptions, redisOptions } from './redis.ts'

/** Options of {@link upstash}. */
export interface UpstashOptions extends RedisOptions {
  /** Of the database: `UPSTASH_REDIS_REST_URL`. */
  readonly url: string
  /** `UPSTASH_REDIS_REST_TOKEN`. */
  readonly token: string
  /** What asks it. @default the global `fetch` */
  readonly fetch?: Fetch | undefined
}

const upstashOptions: KindsOf<UpstashOptions> = {
  ...redisOptions,
  url: required(string('the URL of a database', (url) => /^https?:\/\//.test(url))),
  token: { ...required(string()), secret: true },
  fetch: callback,
}

/** A Redis that is asked over HTTP, by {@link https://upstash.com/docs/redis/features/restapi | Upstash's protocol}: nothing is pushed, members look. */
export const upstashEngine = ({
  url,
  token,
  fetch = (...args) => globalThis.fetch(...args),
  namespace,
}: Omit<UpstashOptions, keyof RedisOptions> & Pick<UpstashOptions, 'namespace'>): Engine =>
  engineOf(async (...command) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(command) })
    const { result, error } = (await response.json()) as { readonly result?: unknown; readonly error?: string }
    if (error !== undefined) throw new Error(error)
    return result
  }, namespace)

/**
 * The same as {@link redis} over HTTP, where no connection stays open. Nothing is pushed: a call of another than the leader
 * waits for up to half a second.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = aplomb({ store: upstash({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN }) })
 */
export const upstash = (options: UpstashOptions): Middleware => {
  const { url, token, fetch, namespace, ...rest } = readOptions('upstash', options, upstashOptions)
  return fleet(upstashEngine({ url, token, fetch, namespace }), rest)
}
