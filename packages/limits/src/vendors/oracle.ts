import type { HeaderRow } from '../vendor.ts'

// Oracle Access Governance documents milliseconds

export const headers: readonly HeaderRow[] = [
  // Witness: oracle-access-governance: 429-retryafter-ms
  { header: /^requestlimit-(?<name>.+)-retryafter$/, means: 'retry-after', unit: 'ms' },
]
