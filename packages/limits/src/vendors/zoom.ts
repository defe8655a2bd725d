// Zoom

export const requestIds: readonly string[] = [
  // Witness: zoom: request id
  'x-zm-trackingid',
]
