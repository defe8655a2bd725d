// Notion

export const requestIds: readonly string[] = [
  // Witness: notion: 429
  'x-notion-request-id',
]
