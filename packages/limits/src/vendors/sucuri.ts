// Sucuri

export const walls: readonly string[] = [
  // Witness: sucuri: 403 blocked
  'x-sucuri-block',
]
