// The vendors that the pages of client libraries call, each with a limit that three calls at once run into.
import { createMockApi, type MockApi } from '@aplomb/mock-api'
import { anthropic, github, google, openai } from '@aplomb/mock-api/profiles'

/** Two at once, then two a second; and four calls are paid for. */
const requests = { limit: 120, windowMs: 60_000, burst: 2 }
const credits = 4
/** The same where windows are fixed. */
const windowed = { limit: 2, windowMs: 1000 }

const VENDORS: readonly (readonly [host: RegExp, make: () => MockApi])[] = [
  [/^api\.openai\.com$/, () => createMockApi({ profile: openai, limits: { requests, credits } })],
  [/^api\.anthropic\.com$/, () => createMockApi({ profile: anthropic, limits: { requests, credits } })],
  [
    /^generativelanguage\.googleapis\.com$/,
    () => createMockApi({ profile: google, limits: { requests: windowed, 'requests-per-day': { limit: 4 } } }),
  ],
  [/^api\.github\.com$/, () => createMockApi({ profile: github, limits: { secondary: windowed } })],
]

/** The vendor behind a host, if it is one of them. */
export const vendorAt = (host: string): MockApi | undefined => VENDORS.find(([pattern]) => pattern.test(host))?.[1]()
