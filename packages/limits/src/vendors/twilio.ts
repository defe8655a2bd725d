import type { CodeRow, HeaderRow } from '../vendor.ts'

// Twilio

export const headers: readonly HeaderRow[] = [
  // It never sends the ceiling.
  // Witness: twilio: 201-concurrent-requests-header
  { header: 'twilio-concurrent-requests', means: 'concurrency-active' },
]

export const codes: readonly CodeRow[] = [
  // All requests; one phone number
  // Witness: twilio: 429-20429
  { code: /^(?:20429|60212)$/, kind: 'concurrency-limited' },
]

export const concurrencyHosts: readonly string[] = [
  // Witness: twilio: 429 without a body
  'api.twilio.com',
]

export const requestIds: readonly string[] = [
  // Witness: twilio: 429-20429
  'twilio-request-id',
]
