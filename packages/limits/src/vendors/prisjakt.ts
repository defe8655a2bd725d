import type { HeaderRow } from '../vendor.ts'

// Prisjakt counts milliseconds under the name that Okta and X use for an epoch

export const headers: readonly HeaderRow[] = [
  // Witness: prisjakt: 429-reset-in-ms
  { header: 'x-rate-limit-reset', means: 'reset', unit: 's/ms' },
]
