import type { HeaderRow } from '../vendor.ts'

// Binance

export const headers: readonly HeaderRow[] = [
  // Witness: binance: 200-used-weight
  { header: /^x-mbx-used-(?<name>weight(?:-\d+[smhd])?)$/, means: 'used', counts: 'weight' },
  // Witness: binance: 200 order count
  { header: /^x-mbx-order-(?<name>count(?:-\d+[smhd])?)$/, means: 'used', counts: 'orders' },
]
