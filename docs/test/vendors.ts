// The vendors that the pages of client libraries call, each with a limit that three calls at once run into.
import { createMockApi, type MockApi } from '@aplomb/mock-api'
import { anthropic, apifreaks, github, google, openai, slack, stripe } from '@aplomb/mock-api/profiles'

/** Two at once, then two a second; and four calls are paid for. */
const requests = { limit: 120, windowMs: 60_000, burst: 2 }
const credits = 4
/** The same for vendors that count otherwise. */
const windowed = { limit: 2, windowMs: 1000 }
/** And where no wait is named: there is room again before anybody asks. */
const hasty = { limit: 20, windowMs: 1000, burst: 2 }

const VENDORS: readonly (readonly [host: RegExp, make: () => MockApi])[] = [
  [/^api\.openai\.com$/, () => createMockApi({ profile: openai, limits: { requests, credits } })],
  [/^api\.anthropic\.com$/, () => createMockApi({ profile: anthropic, limits: { requests, credits } })],
  [
    /^generativelanguage\.googleapis\.com$/,
    () => createMockApi({ profile: google, limits: { requests: windowed, 'requests-per-day': { limit: 4 } } }),
  ],
  [/^api\.github\.com$/, () => createMockApi({ profile: github, limits: { secondary: windowed } })],
  [/^api\.stripe\.com$/, () => createMockApi({ profile: stripe, limits: { requests: hasty } })],
  [/^slack\.com$/, () => createMockApi({ profile: slack, limits: { messages: { ...windowed, burst: 2 } } })],
  [/^api\.apifreaks\.com$/, () => createMockApi({ profile: apifreaks, limits: { credits: 3 } })],
]

/** The vendor behind a host, if it is one of them. */
export const vendorAt = (host: string): MockApi | undefined => VENDORS.find(([pattern]) => pattern.test(host))?.[1]()
