import type { HeaderRow } from './rows.ts'
import { headers } from './vendors/index.ts'

/**
 * What the general grammar of names (`grammar.ts`) cannot know. Earlier rows win; of several waits or reasons in one
 * response, the one whose row comes first counts.
 */
export const HEADERS: readonly HeaderRow[] = [
  // Azure's and OpenAI's SDKs read the milliseconds before the seconds.
  // Witness: azure-openai: 429-token-rate-limit
  { header: 'retry-after-ms', means: 'retry-after', unit: 'ms', finer: true },
  // Witness: azure-sdk: 429-x-ms-retry-after-ms
  { header: 'x-ms-retry-after-ms', means: 'retry-after', unit: 'ms', finer: true },
  // Traefik: a Go duration, which its Retry-After rounds up
  // Witness: traefik: 429 a finer wait
  { header: 'x-retry-in', means: 'retry-after', finer: true },
  // Witness: openai: 429-retry-after-ms-beats-retry-after
  { header: 'retry-after', means: 'retry-after' },

  ...headers,

  // Witness: openai: 429-retry-after-ms-beats-retry-after
  { header: /(?:^|-)retry-?after-(?:ms|millis|milliseconds)$/, means: 'retry-after', unit: 'ms' },
  // Witness: openai: 429-retry-after-ms-beats-retry-after
  { header: /(?:^|-)retry-?after(?:-s|-secs?|-seconds)?$/, means: 'retry-after' },
]
