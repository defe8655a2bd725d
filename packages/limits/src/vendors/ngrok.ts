// ngrok

export const platforms: readonly string[] = [
  // Witness: ngrok: 404-tunnel-offline-on-a-lookup
  'ngrok-error-code',
]
