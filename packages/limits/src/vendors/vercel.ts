// Vercel

export const walls: readonly string[] = [
  // Witness: vercel: 429-security-checkpoint
  'x-vercel-mitigated',
]

export const platforms: readonly string[] = [
  // Witness: lookup 404: vercel deployment
  'x-vercel-error',
]

export const proxyIds: readonly string[] = [
  // Witness: vercel: request id
  'x-vercel-id',
]
