import type { CodeRow, HeaderRow } from '../vendor.ts'

// Stripe

export const headers: readonly HeaderRow[] = [
  // Witness: stripe: 429-global-rate
  { header: 'stripe-rate-limited-reason', means: 'reason' },
]

export const codes: readonly CodeRow[] = [
  // Witness: stripe: 429-global-rate
  { code: /^(?:(?:global|endpoint)rate|resourcespecific)$/, kind: 'rate-limited' },
]

export const hints: readonly string[] = [
  // Witness: stripe: 429-lock-timeout
  'stripe-should-retry',
]
