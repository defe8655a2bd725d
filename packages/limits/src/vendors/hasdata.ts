// HasData

export const concurrencyHosts: readonly string[] = [
  // Witness: hasdata: 429 without a body
  'hasdata.com',
]
