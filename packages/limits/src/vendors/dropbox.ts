// Dropbox

export const requestIds: readonly string[] = [
  // Witness: dropbox: request id
  'x-dropbox-request-id',
]
