// Microsoft Azure

export const requestIds: readonly string[] = [
  // Witness: azure-openai: 429-token-rate-limit
  'apim-request-id',
  // Witness: azure-arm: 429-1
  'x-ms-request-id',
  'x-ms-correlation-request-id',
]
