// Atlassian

export const requestIds: readonly string[] = [
  // Witness: atlassian: request id
  'x-arequestid',
  'atl-request-id',
]

export const proxyIds: readonly string[] = [
  // Witness: atlassian: trace id
  'atl-traceid',
]
