// Railway

export const platforms: readonly string[] = [
  // Witness: railway: 404 on a lookup
  'x-railway-fallback',
]
