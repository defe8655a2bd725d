import type { TimeUnit } from './values.ts'

/** What a header's value can stand for. */
export const MEANINGS = [
  /** A wait that the server asks for. */
  'retry-after',
  /** One window: what it allows, what is left, what was used, when it resets, how long it is, what it is called. */
  'limit',
  'remaining',
  'used',
  'reset',
  'window',
  'label',
  /** Both in one, `32/40`, also behind a key: `api-usage=18/5000`. */
  'used/limit',
  /** `total=100; remaining=99; resets=41`. */
  'fields',
  /** Meta's JSON of percentages. */
  'percentages',
  /** The share of a window that is used up, from 0 to 1. */
  'utilization',
  /** The IETF fields, JSON, `key 1500/2000 reset=28s`, or a bare limit under the same name. */
  'ratelimit',
  'policy',
  'concurrency-limit',
  'concurrency-active',
  'concurrency-remaining',
  'cost',
  'credits-remaining',
  'credits-limit',
  'credits-used',
  /** The server's word for which limit was hit. */
  'reason',
] as const

/** What a header's value stands for. */
export type Meaning = (typeof MEANINGS)[number]

/** One header (or family of headers) and what it means. */
export interface HeaderRow {
  /** The lower-case name, or a pattern over it whose group `name`, if any, is the window's name. */
  readonly header: string | RegExp
  readonly means: Meaning
  /** How a bare number of a wait, reset or window is read. @default 'auto' */
  readonly unit?: TimeUnit | undefined
  /** The window (or concurrency scope) this header speaks of. */
  readonly name?: string | undefined
  /** Headers of one group describe one window. @default the family the name belongs to, else the row's `name` */
  readonly group?: string | undefined
  /** The length of the window(s), where only the documentation tells. Several: one for each value of a list. */
  readonly windowMs?: number | readonly number[] | undefined
  /** What the window counts. @default requests */
  readonly counts?: string | undefined
}

const SECOND = 1000
const MINUTE = 60_000
const DAY = 86_400_000

/**
 * What the general grammar of names (`grammar.ts`) cannot know. Earlier rows win; of several waits or reasons in one
 * response, the one whose row comes first counts.
 */
export const ROWS: readonly HeaderRow[] = [
  // Azure's and OpenAI's SDKs read the milliseconds before the seconds
  { header: 'retry-after-ms', means: 'retry-after', unit: 'ms' },
  { header: 'x-ms-retry-after-ms', means: 'retry-after', unit: 'ms' },
  // Traefik: a Go duration, which its Retry-After rounds up
  { header: 'x-retry-in', means: 'retry-after' },
  { header: 'retry-after', means: 'retry-after' },
  // Oracle Access Governance documents milliseconds
  { header: /^requestlimit-(?<name>.+)-retryafter$/, means: 'retry-after', unit: 'ms' },
  { header: /(?:^|-)retry-?after-(?:ms|millis|milliseconds)$/, means: 'retry-after', unit: 'ms' },
  { header: /(?:^|-)retry-?after(?:-s|-secs?|-seconds)?$/, means: 'retry-after' },

  { header: 'stripe-rate-limited-reason', means: 'reason' },
  { header: 'x-rate-limit-problem', means: 'reason' },
  { header: 'x-scrapfly-reject-code', means: 'reason' },
  { header: 'x-mashery-error-code', means: 'reason' },
  { header: 'x-amzn-errortype', means: 'reason' },
  // Bright Data
  { header: 'x-brd-err-code', means: 'reason' },
  { header: 'x-luminati-error-code', means: 'reason' },
  { header: /^x-(?:brd|luminati)-err(?:or|-msg)$/, means: 'reason' },

  // APIFreaks: the ceiling and what is in flight
  { header: 'x-concurrent-threads', means: 'concurrency-limit' },
  { header: 'x-concurrent-threads-active', means: 'concurrency-active' },
  // Twilio never sends the ceiling
  { header: 'twilio-concurrent-requests', means: 'concurrency-active' },
  { header: 'x-sentry-rate-limit-concurrentlimit', means: 'concurrency-limit' },
  { header: 'x-sentry-rate-limit-concurrentremaining', means: 'concurrency-remaining' },
  { header: /^x-scrapfly-(?<name>account|project)-concurrent-usage$/, means: 'concurrency-active' },
  { header: /^x-scrapfly-(?<name>account|project)-remaining-concurrent-usage$/, means: 'concurrency-remaining' },

  { header: 'x-complexity', means: 'cost' },
  { header: 'x-requests-last', means: 'cost' },
  { header: 'x-requests-used', means: 'credits-used' },
  { header: 'x-requests-remaining', means: 'credits-remaining' },
  { header: 'x-api-quota-request', means: 'cost' },
  { header: 'x-api-quota-used', means: 'credits-used' },
  { header: 'x-api-quota-left', means: 'credits-remaining' },
  // Market Data counts credits
  { header: 'x-api-ratelimit-consumed', means: 'cost' },
  { header: 'x-api-ratelimit-limit', means: 'limit', counts: 'credits' },
  { header: 'x-api-ratelimit-remaining', means: 'remaining', counts: 'credits' },
  { header: 'spb-auto-cost', means: 'cost' },
  // Mistral
  { header: 'x-ratelimit-tokens-query-cost', means: 'cost' },
  // Spring Cloud Gateway: a bucket, how many a second flow into it, what this call took
  { header: 'x-ratelimit-burst-capacity', means: 'limit', group: 'x-ratelimit|' },
  { header: 'x-ratelimit-replenish-rate', means: 'limit', name: 'replenish', windowMs: SECOND },
  { header: 'x-ratelimit-requested-tokens', means: 'cost' },

  { header: 'x-shopify-shop-api-call-limit', means: 'used/limit' },
  { header: 'sforce-limit-info', means: 'used/limit', windowMs: DAY },
  { header: /^x-(?:app|page|ad-account|business-use-case)-usage$/, means: 'percentages' },
  { header: 'x-fb-ads-insights-throttle', means: 'percentages' },
  // Prisjakt counts milliseconds under the name that Okta and X use for an epoch
  { header: 'x-rate-limit-reset', means: 'reset', unit: 's/ms' },
  // Requests per second
  { header: 'x-amzn-ratelimit-limit', means: 'limit', windowMs: SECOND },
  { header: 'ratelimit-dailylimit', means: 'limit', group: 'ratelimit|', windowMs: DAY },
  {
    header: 'ratelimit-resourcedailylimit',
    means: 'limit',
    name: 'resource',
    group: 'ratelimit|resource',
    windowMs: DAY,
  },
  { header: 'ratelimit-resourceremaining', means: 'remaining', name: 'resource', group: 'ratelimit|resource' },
  // Strava: a quarter of an hour and a day, in that order
  { header: 'x-ratelimit-usage', means: 'used', windowMs: [15 * MINUTE, DAY] },
  { header: 'x-readratelimit-usage', means: 'used', windowMs: [15 * MINUTE, DAY] },
  { header: 'x-minlimit-remaining', means: 'remaining', name: 'minute', windowMs: MINUTE },
  { header: 'x-appminlimit-remaining', means: 'remaining', name: 'app-minute', windowMs: MINUTE },
  { header: 'x-daylimit-remaining', means: 'remaining', name: 'day', windowMs: DAY },
  { header: /^x-(?<name>app|user)-limit-24hour-limit$/, means: 'limit', windowMs: DAY },
  { header: /^x-(?<name>app|user)-limit-24hour-remaining$/, means: 'remaining', windowMs: DAY },
  { header: /^x-(?<name>app|user)-limit-24hour-reset$/, means: 'reset', windowMs: DAY },
  { header: 'x-limit-per-second', means: 'limit', name: 'second', windowMs: SECOND },
  { header: 'x-remaining-this-second', means: 'remaining', name: 'second', windowMs: SECOND },
  { header: 'x-limit-per-day', means: 'limit', name: 'day', windowMs: DAY },
  { header: 'x-remaining-today', means: 'remaining', name: 'day', windowMs: DAY },
  { header: 'daily-request-limit', means: 'limit', name: 'daily', group: 'daily' },
  { header: 'daily-request-remaining', means: 'remaining', name: 'daily', group: 'daily' },
  { header: 'daily-request-reset', means: 'reset', name: 'daily', group: 'daily' },
  // ip-api: remaining requests, and seconds until the minute's reset
  { header: 'x-rl', means: 'remaining', group: 'ip-api', windowMs: MINUTE },
  { header: 'x-ttl', means: 'reset', group: 'ip-api', windowMs: MINUTE },
  // Walmart Marketplace: a bucket, and when the next token comes
  { header: 'x-current-token-count', means: 'remaining', group: 'walmart' },
  { header: 'x-next-replenishment-time', means: 'reset', group: 'walmart' },
  { header: 'x-bapi-limit', means: 'limit', group: 'bybit' },
  { header: 'x-bapi-limit-status', means: 'remaining', group: 'bybit' },
  { header: 'x-bapi-limit-reset-timestamp', means: 'reset', group: 'bybit' },
  // EVE Online (ESI): an error budget
  { header: 'x-esi-error-limit-remain', means: 'remaining', name: 'errors', counts: 'errors' },
  { header: 'x-esi-error-limit-reset', means: 'reset', name: 'errors', counts: 'errors' },
  // KuCoin: milliseconds, of windows of 30 s
  { header: 'gw-ratelimit-reset', means: 'reset', unit: 'ms' },
  { header: /^x-mbx-used-(?<name>weight(?:-\d+[smhd])?)$/, means: 'used', counts: 'weight' },
  { header: /^x-mbx-order-(?<name>count(?:-\d+[smhd])?)$/, means: 'used', counts: 'orders' },
]
