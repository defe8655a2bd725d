/** What a window says of itself when a request is answered. */
export interface WindowReport {
  readonly name: string
  readonly limit: number
  readonly remaining: number
  /** From now until more becomes available. */
  readonly resetMs: number
  /** From now until all of it is. */
  readonly fullMs: number
  /** In how long it gives `limit`. */
  readonly windowMs: number
  /** What it gives on average: what comes back of a bucket. */
  readonly perSecond: number
}

export interface LimitReport {
  readonly windows: readonly WindowReport[]
  /** The window with the smallest share left; of several, the one that resets last. */
  readonly tightest: WindowReport
  /** Whether a window refused this request. */
  readonly refused: boolean
  /** Now, in ms since the epoch. */
  readonly nowMs: number
}

/** Writes the windows into headers. */
export type HeaderDialect = (report: LimitReport) => Readonly<Record<string, string>>

export interface Dialect {
  readonly headers: HeaderDialect
  /** The body of a refusal, where the vendor's own differs from `{ message }`. */
  readonly refusal?: (report: LimitReport) => object
}

/** Up, so that a client who waits as told is never early. */
const seconds = (ms: number): string => String(Math.ceil(ms / 1000))
const epochSeconds = ({ nowMs }: LimitReport, resetMs: number): string => seconds(nowMs + resetMs)
const each = ({ windows }: LimitReport, write: (window: WindowReport) => string): string =>
  windows.map(write).join(', ')
/** The `w` parameter knows whole seconds only. */
const w = (windowMs: number): string => (windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : '')

/** `1m12.5s`, the way Go prints a duration. */
export const goDuration = (ms: number): string => {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const total = Math.ceil(ms)
  const [h, m, s] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60, (total % 60_000) / 1000]
  return h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`
}

/** `X-RateLimit-Limit`, `-Remaining`, `-Reset` in a vendor's spelling. */
const triple =
  (prefix: string, reset: (report: LimitReport, resetMs: number) => string): HeaderDialect =>
  (report) => ({
    [`${prefix}-limit`]: String(report.tightest.limit),
    [`${prefix}-remaining`]: String(report.tightest.remaining),
    [`${prefix}-reset`]: reset(report, report.tightest.resetMs),
  })

export type DialectName =
  | 'ietf'
  | 'draft-7'
  | 'draft-6'
  | 'x-ratelimit'
  | 'x-ratelimit-ms'
  | 'x-ratelimit-delta'
  | 'okta'
  | 'gitlab'
  | 'github'
  | 'openai'
  | 'anthropic'
  | 'discord'
  | 'lists'
  | 'shopify'

/** Vendors are rows here, not branches elsewhere. */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  /** draft-ietf-httpapi-ratelimit-headers-08 to -11, with problem details on a refusal. */
  ietf: {
    headers: (report) => ({
      'ratelimit-policy': each(report, ({ name, limit, windowMs }) => `"${name}";q=${limit}${w(windowMs)}`),
      ratelimit: each(report, ({ name, remaining, resetMs }) => `"${name}";r=${remaining};t=${seconds(resetMs)}`),
    }),
  },
  /** draft -07: one dictionary. */
  'draft-7': {
    headers: (report) => ({
      'ratelimit-policy': each(report, ({ limit, windowMs }) => `${limit}${w(windowMs)}`),
      ratelimit: `limit=${report.tightest.limit}, remaining=${report.tightest.remaining}, reset=${seconds(report.tightest.resetMs)}`,
    }),
  },
  /** drafts -04 to -06: three headers, the reset as seconds to wait. */
  'draft-6': {
    headers: (report) => ({
      ...triple('ratelimit', (_, ms) => seconds(ms))(report),
      'ratelimit-policy': each(report, ({ limit, windowMs }) => `${limit}${w(windowMs)}`),
    }),
  },
  'x-ratelimit': { headers: triple('x-ratelimit', epochSeconds) },
  'x-ratelimit-ms': { headers: triple('x-ratelimit', ({ nowMs }, ms) => String(Math.ceil(nowMs + ms))) },
  'x-ratelimit-delta': { headers: triple('x-ratelimit', (_, ms) => seconds(ms)) },
  okta: { headers: triple('x-rate-limit', epochSeconds) },
  gitlab: { headers: triple('ratelimit', epochSeconds) },
  github: {
    headers: (report) => ({
      ...triple('x-ratelimit', epochSeconds)(report),
      'x-ratelimit-used': String(report.tightest.limit - report.tightest.remaining),
      'x-ratelimit-resource': 'core',
    }),
    refusal: () => ({
      message: 'API rate limit exceeded.',
      documentation_url: 'https://docs.github.com/rest/rate-limit',
    }),
  },
  openai: {
    headers: ({ tightest }) => ({
      'x-ratelimit-limit-requests': String(tightest.limit),
      'x-ratelimit-remaining-requests': String(tightest.remaining),
      'x-ratelimit-reset-requests': goDuration(tightest.resetMs),
    }),
    refusal: ({ tightest }) => ({
      error: {
        message: `Rate limit reached for requests. Limit: ${tightest.limit}. Please try again in ${goDuration(tightest.resetMs)}.`,
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    }),
  },
  anthropic: {
    headers: triple('anthropic-ratelimit-requests', ({ nowMs }, ms) =>
      new Date(Math.ceil((nowMs + ms) / 1000) * 1000).toISOString().replace('.000', ''),
    ),
    refusal: () => ({
      type: 'error',
      error: { type: 'rate_limit_error', message: 'This request would exceed your rate limit.' },
    }),
  },
  discord: {
    headers: (report) => ({
      ...triple('x-ratelimit', ({ nowMs }, ms) => ((nowMs + ms) / 1000).toFixed(3))(report),
      'x-ratelimit-reset-after': (report.tightest.resetMs / 1000).toFixed(3),
      'x-ratelimit-bucket': report.tightest.name,
    }),
    refusal: ({ tightest }) => ({
      message: 'You are being rate limited.',
      retry_after: Math.ceil(tightest.resetMs) / 1000,
      global: false,
    }),
  },
  /** Brave Search: one value per window in every header. */
  lists: {
    headers: (report) => ({
      'x-ratelimit-limit': each(report, ({ limit }) => String(limit)),
      'x-ratelimit-policy': each(report, ({ limit, windowMs }) => `${limit}${w(windowMs)}`),
      'x-ratelimit-remaining': each(report, ({ remaining }) => String(remaining)),
      'x-ratelimit-reset': each(report, ({ resetMs }) => seconds(resetMs)),
    }),
  },
  /** Shopify REST: used of limit. */
  shopify: {
    headers: ({ tightest }) => ({
      'x-shopify-shop-api-call-limit': `${tightest.limit - tightest.remaining}/${tightest.limit}`,
    }),
    refusal: ({ tightest: { perSecond } }) => ({
      errors: `Exceeded ${perSecond} calls per second for api client. Reduce request rates to resume uninterrupted service.`,
    }),
  },
}

export const dialectOf = (headers: DialectName | HeaderDialect): Dialect =>
  typeof headers === 'function' ? { headers } : dialects[headers]
