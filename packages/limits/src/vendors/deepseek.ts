// DeepSeek

export const concurrencyHosts: readonly string[] = [
  // Witness: deepseek: 429 without a body
  'api.deepseek.com',
]
