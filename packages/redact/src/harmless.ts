/** Query parameters whose values are shown. */
export const HARMLESS_QUERY: readonly string[] = [
  'page',
  'per_page',
  'perpage',
  'page_size',
  'pagesize',
  'limit',
  'offset',
  'count',
  'size',
  'skip',
  'top',
  'first',
  'sort',
  'sort_by',
  'order',
  'order_by',
  'direction',
  'lang',
  'language',
  'locale',
  'format',
  'output',
  'fields',
  'include',
  'exclude',
  'expand',
  'units',
  'version',
  'v',
  'api-version',
  'api_version',
]

/** Headers whose values are shown, of requests and responses. */
export const HARMLESS_HEADERS: readonly string[] = [
  'accept',
  'accept-encoding',
  'accept-language',
  'age',
  'allow',
  'cache-control',
  'cf-cache-status',
  'cf-ray',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'date',
  'expires',
  'last-modified',
  'ratelimit',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
  'retry-after-ms',
  'server',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'x-cache',
  'x-concurrent-threads',
  'x-concurrent-threads-active',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-should-retry',
]

/** Names that are only given to secrets. */
export const SECRET_NAME: RegExp =
  /key|token|secret|passw|passphrase|pass(?:code)?(?![a-z])|pwd|auth|sig(?:nature)?\b|credential|session|cookie|jwt|bearer|otp|csrf|xsrf|private|licen[cs]e/i

const LIMIT_HEADER = /rate-?limit|concurren|quota|retry-after|credits-|credit-(?:cost|balance|remaining)/

/** Headers about limits, by any vendor. Tokens are what language models count in. */
export const isLimitHeader = (name: string): boolean =>
  LIMIT_HEADER.test(name) && !SECRET_NAME.test(name.replace('tokens', ''))
