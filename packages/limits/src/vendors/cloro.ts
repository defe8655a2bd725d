// cloro

export const concurrencyHosts: readonly string[] = [
  // Witness: cloro: 429 without a body
  'cloro.dev',
]
