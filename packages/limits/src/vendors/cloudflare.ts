// Cloudflare

export const proxyIds: readonly string[] = [
  // Witness: cloudflare-api: 200-ietf-fields
  'cf-ray',
]

export const walls: readonly string[] = [
  // Witness: cloudflare: 403 challenge
  'cf-mitigated',
  // Witness: cloudflare: 503 Just a moment (IUAM)
  'cf-chl-bypass',
]
