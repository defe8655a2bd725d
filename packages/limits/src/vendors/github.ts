// GitHub

export const requestIds: readonly string[] = [
  // Witness: github: 200-core
  'x-github-request-id',
]
