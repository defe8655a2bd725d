import type { BodyRow, CodeRow } from '../vendor.ts'

// monday.com

export const codes: readonly CodeRow[] = [
  // Witness: monday: 429-2
  { code: /^complexity(?:budgetexhausted|exception)$/, kind: 'rate-limited' },
]

export const bodies: readonly BodyRow[] = [
  // Witness: monday: 200 complexity
  { key: 'complexity', remaining: 'after', reset: 'reset_in_x_seconds', cost: 'query', name: 'complexity' },
]
