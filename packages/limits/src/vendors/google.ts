import type { CodeRow } from '../vendor.ts'

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
