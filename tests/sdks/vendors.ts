// The vendors that the pages of client libraries call, each with a limit that three calls at once run into.
import { createMockApi, type MockApi, type MockApiOptions } from '@aplomb/mock-api'
import {
  anthropic,
  apifreaks,
  discord,
  github,
  google,
  mistral,
  notion,
  openai,
  s3,
  shopify,
  slack,
  stripe,
  supabase,
} from '@aplomb/mock-api/profiles'

/** Two at once, then two a second; and four calls are paid for. */
const requests = { limit: 120, windowMs: 60_000, burst: 2 }
const credits = 4
/** The same for vendors that count otherwise. */
const windowed = { limit: 2, windowMs: 1000 }
/** Two at once, each for a while. */
const crowded = { concurrency: 2 }
/** For those that name no wait: what comes next is no matter of time. */
const flaky = { rate: 0.3, kinds: ['503'] } as const

const trpc: MockApiOptions['routes'] = (app) => {
  app.get('/trpc/greet', (c) => c.json({ result: { data: 'hello' } }))
  app.get('/trpc/find', (c) => {
    const data = { code: 'NOT_FOUND', httpStatus: 404, path: 'find' }
    return c.json({ error: { message: 'No such item.', code: -32_004, data } }, 404)
  })
}

const VENDORS: readonly (readonly [host: RegExp, make: () => MockApi])[] = [
  [/^api\.openai\.com$/, () => createMockApi({ profile: openai, limits: { requests, credits } })],
  [/^api\.anthropic\.com$/, () => createMockApi({ profile: anthropic, limits: { requests, credits } })],
  [
    /^generativelanguage\.googleapis\.com$/,
    () => createMockApi({ profile: google, limits: { requests: windowed, 'requests-per-day': { limit: 4 } } }),
  ],
  [/^api\.mistral\.ai$/, () => createMockApi({ profile: mistral, limits: { requests: false }, flaky, seed: 6 })],
  [/^api\.notion\.com$/, () => createMockApi({ profile: notion, limits: { requests: windowed } })],
  [/^demo\.supabase\.co$/, () => createMockApi({ profile: supabase, limits: crowded, latencyMs: 50 })],
  [/\.s3\.us-east-1\.amazonaws\.com$/, () => createMockApi({ profile: s3, flaky, seed: 6 })],
  [/^api\.github\.com$/, () => createMockApi({ profile: github, limits: { secondary: windowed } })],
  [/^api\.stripe\.com$/, () => createMockApi({ profile: stripe, limits: crowded, latencyMs: 50 })],
  [/^slack\.com$/, () => createMockApi({ profile: slack, limits: { messages: { ...windowed, burst: 2 } } })],
  [/^discord\.com$/, () => createMockApi({ profile: discord, limits: { route: windowed } })],
  [/^api\.apifreaks\.com$/, () => createMockApi({ profile: apifreaks, limits: { credits: 3 } })],
  [
    /^demo\.myshopify\.com$/,
    () => createMockApi({ profile: shopify, limits: { points: { limit: 100, windowMs: 1000, burst: 130 } } }),
  ],
  [/^trpc\.example\.com$/, () => createMockApi({ windows: [windowed], routes: trpc })],
]

/** The vendor behind a host, if it is one of them. */
export const vendorAt = (host: string): MockApi | undefined => VENDORS.find(([pattern]) => pattern.test(host))?.[1]()
