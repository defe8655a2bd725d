import fc from 'fast-check'

export const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export const drawn = (from: string, minLength: number, maxLength = 64) =>
  fc.string({ unit: fc.constantFrom(...from.split('')), minLength, maxLength })

/** Drawn by lot, as keys are: of letters and digits, or of all that base64url has. What has the form of an identifier is none. */
export const token = fc
  .oneof(drawn(ALPHANUMERIC, 24), drawn('0123456789abcdef', 26), drawn(`${ALPHANUMERIC}-_`, 32))
  .filter((one) => /\d/.test(one) && new Set(one).size > 8)

/** Names that say nothing of their values: not that they are identifiers. */
export const fieldName = fc
  .stringMatching(/^[a-z][a-z-]{2,12}$/)
  .filter(
    (one) =>
      !['accept', 'date', 'server'].includes(one) && !/(?:^|-)(?:ids?|ref|ray|sku|arn|sha|etag|trace)-*$/.test(one),
  )

/** Short and wordy: it can only be known because a request holds it as a secret. */
export const password = fc.constantFrom('hunter22', 'correcthorse', 'opensesame', 'letmein!')
