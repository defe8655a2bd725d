// HubSpot

export const proxyIds: readonly string[] = [
  // Witness: hubspot: correlation id
  'x-hubspot-correlation-id',
]
