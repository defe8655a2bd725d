// BambooHR

export const messageHeaders: readonly string[] = [
  // Witness: bamboohr: message in a header
  'x-bamboohr-error-message',
]
