// Okta

export const requestIds: readonly string[] = [
  // Witness: okta: 429-1
  'x-okta-request-id',
]
