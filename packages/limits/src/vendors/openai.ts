import type { CodeRow } from '../vendor.ts'

// OpenAI and its like

export const codes: readonly CodeRow[] = [
  // Of requests or tokens, whatever the period: the wait is in the headers.
  // Witness: openai: 429-tokens-window
  {
    code: /^ratelimitexceeded$/,
    beside: /^(?:requests|(?:input|output)?tokens)$/,
    kind: 'rate-limited',
    vague: true,
    anyPeriod: true,
  },
]
