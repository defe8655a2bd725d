/** What an answer says of a limit. */
export interface Report {
  readonly limit: number | undefined
  readonly remaining: number
  readonly resetMs: number
  readonly windowMs: number | undefined
}
