// Slack

export const requestIds: readonly string[] = [
  // Witness: slack: request id
  'x-slack-req-id',
]
