// Deepgram

export const concurrencyHosts: readonly string[] = [
  // Witness: deepgram: 429 without a body
  'api.deepgram.com',
]

export const requestIds: readonly string[] = [
  // Witness: deepgram: 429 without a body
  'dg-request-id',
]
