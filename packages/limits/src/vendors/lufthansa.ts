import type { HeaderRow } from '../vendor.ts'

// Lufthansa, and whoever else is behind Mashery

export const headers: readonly HeaderRow[] = [
  // Witness: lufthansa: 403-2
  { header: 'x-mashery-error-code', means: 'reason' },
]
