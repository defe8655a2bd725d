import type { CodeRow, OutcomeRow } from '../vendor.ts'

// Google: Cloud, Gemini, Maps

export const codes: readonly CodeRow[] = [
  // The code of every limit; its text always says quota.
  // Witness: gemini: 429-per-day-quota
  { code: /^resourceexhausted$/, kind: 'rate-limited', vague: true },
  // Witness: google-maps: 200-over-query-limit
  { code: /^overquerylimit$/, kind: 'rate-limited' },
]

export const proxyIds: readonly string[] = [
  // Witness: google: trace id
  'x-cloud-trace-context',
]

export const outcomes: readonly OutcomeRow[] = [
  // Witness: google-maps: 200-over-query-limit
  {
    rule: 'googleMaps',
    key: 'status',
    message: 'error_message',
    kinds: {
      OVER_QUERY_LIMIT: 'rate-limited',
      OVER_DAILY_LIMIT: 'quota-exhausted',
      REQUEST_DENIED: 'unauthenticated',
      INVALID_REQUEST: 'invalid',
      MAX_ELEMENTS_EXCEEDED: 'invalid',
      MAX_DIMENSIONS_EXCEEDED: 'invalid',
      MAX_WAYPOINTS_EXCEEDED: 'invalid',
      MAX_ROUTE_LENGTH_EXCEEDED: 'invalid',
      UNKNOWN_ERROR: 'server-error',
    },
  },
]
