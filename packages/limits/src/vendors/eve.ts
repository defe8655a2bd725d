import type { HeaderRow } from '../vendor.ts'

// EVE Online (ESI): a budget of errors

export const headers: readonly HeaderRow[] = [
  // Witness: eve: 420 error budget
  { header: 'x-esi-error-limit-remain', means: 'remaining', name: 'errors', counts: 'errors' },
  { header: 'x-esi-error-limit-reset', means: 'reset', name: 'errors', counts: 'errors' },
]
