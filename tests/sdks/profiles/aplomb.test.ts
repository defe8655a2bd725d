import { rules } from '@aplomb/classify'
import { llm } from '@aplomb/llm'
import { createMockApi, type MockApi } from '@aplomb/mock-api'
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
import { aplomb, type AplombOptions } from 'aplomb'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

type Sent = readonly [url: string, init: RequestInit]

const json = (url: string, headers: Record<string, string>, body: unknown): Sent => [
  url,
  { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) },
]

const bearer = { authorization: 'Bearer test' }
const chat = { model: 'm', max_tokens: 50, messages: [{ role: 'user', content: 'x'.repeat(400) }] }
const contents = [{ parts: [{ text: 'x'.repeat(400) }] }]

const OPENAI = json('https://api.openai.com/v1/chat/completions', bearer, chat)
const ANTHROPIC_KEY = { 'x-api-key': 'test', 'anthropic-version': '2023-06-01' }
const ANTHROPIC = json('https://api.anthropic.com/v1/messages', ANTHROPIC_KEY, chat)
const GEMINI = 'https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash:generateContent'
const STRIPE = 'https://api.stripe.com/v1/customers/cus_1'
const SHOPIFY = 'https://mock.myshopify.com/admin/api/2026-10'
const SHOPIFY_KEY = { 'x-shopify-access-token': 'test' }

const perMinute = { limit: 600, windowMs: 60_000, burst: 5 }
const few = { limit: 10, windowMs: 1000 }
const crowded = { concurrency: 4 }

/** What runs into each limit: 30 calls at once, with at most some of them let in. */
const JOBS: readonly (readonly [name: string, make: () => MockApi, sent: Sent, options?: AplombOptions])[] = [
  ['openai, requests', () => createMockApi({ profile: openai, limits: { requests: perMinute } }), OPENAI],
  [
    'openai, tokens',
    () => createMockApi({ profile: openai, limits: { tokens: { limit: 60_000, burst: 1000 } } }),
    OPENAI,
    { weight: llm() },
  ],
  [
    'anthropic, tokens of output',
    () => createMockApi({ profile: anthropic, limits: { requests: false, 'output-tokens': { burst: 400 } } }),
    ANTHROPIC,
    { weight: llm() },
  ],
  ['anthropic, connections', () => createMockApi({ profile: anthropic, limits: crowded, latencyMs: 100 }), ANTHROPIC],
  [
    'google, requests',
    () => createMockApi({ profile: google, limits: { requests: few } }),
    json(GEMINI, { 'x-goog-api-key': 'test' }, { contents }),
  ],
  [
    'github, secondary',
    () => createMockApi({ profile: github, limits: { secondary: few } }),
    ['https://api.github.com/user', { headers: bearer }],
  ],
  [
    'stripe, endpoint',
    () => createMockApi({ profile: stripe, limits: { endpoint: few } }),
    [STRIPE, { headers: bearer }],
  ],
  [
    'stripe, one object',
    () => createMockApi({ profile: stripe, latencyMs: 100 }),
    [STRIPE, { method: 'POST', headers: bearer, body: new URLSearchParams({ name: 'Ada' }) }],
  ],
  [
    'apifreaks, at once',
    () => createMockApi({ profile: apifreaks, latencyMs: 100 }),
    ['https://api.apifreaks.com/v1.0/scraping?url=https://example.com', { headers: { 'x-apikey': 'test' } }],
  ],
  [
    'slack, messages',
    () => createMockApi({ profile: slack, limits: { messages: few } }),
    json('https://slack.com/api/chat.postMessage', bearer, { channel: 'C00000001', text: 'hi' }),
  ],
  [
    'shopify, REST',
    () => createMockApi({ profile: shopify, limits: { rest: { burst: 5 } } }),
    [`${SHOPIFY}/shop.json`, { headers: SHOPIFY_KEY }],
  ],
  [
    'shopify, GraphQL',
    () => createMockApi({ profile: shopify, limits: { points: { burst: 200 } } }),
    json(`${SHOPIFY}/graphql.json`, SHOPIFY_KEY, { query: '{ products(first: 100) { nodes { id } } }' }),
    { classify: { rules: [rules.shopify] } },
  ],
  [
    'discord, a route',
    () => createMockApi({ profile: discord }),
    ['https://discord.com/api/v10/users/@me', { headers: { authorization: 'Bot test' } }],
  ],
  [
    'mistral, requests',
    () => createMockApi({ profile: mistral, limits: { requests: few } }),
    json('https://api.mistral.ai/v1/chat/completions', bearer, chat),
  ],
  [
    'notion, requests',
    () => createMockApi({ profile: notion, limits: { requests: few } }),
    json('https://api.notion.com/v1/search', { ...bearer, 'notion-version': '2025-09-03' }, {}),
  ],
  [
    'supabase, connections',
    () => createMockApi({ profile: supabase, limits: crowded, latencyMs: 100 }),
    ['https://mock.supabase.co/rest/v1/items', { headers: { apikey: 'test' } }],
  ],
  [
    's3, reads',
    () => createMockApi({ profile: s3, limits: { reads: few } }),
    ['https://mock.s3.eu-west-1.amazonaws.com/', { headers: bearer }],
  ],
]

const NAMED = JOBS.map(([name, make, sent, options]) => ({ name, make, sent, options }))

beforeEach(
  () =>
    void vi.useFakeTimers({
      now: Date.UTC(2026, 0, 1),
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    }),
)
afterEach(() => void vi.useRealTimers())

it.each(NAMED)('$name: all calls of a job are answered', async ({ make, sent: [url, init], options }) => {
  const api = make()
  const fetch = aplomb({ ...options, fetch: api.fetch })
  const job = Promise.all(
    Array.from({ length: 30 }, async () => {
      const response = await fetch(url, init)
      return { ok: response.ok, refused: /THROTTLED|"ok":false/.test(await response.text()) }
    }),
  )
  const over = job.then(() => true)
  const tick = () => vi.advanceTimersByTimeAsync(50).then(() => false)
  while (!(await Promise.race([over, tick()]))) continue
  expect(await job).toEqual(Array.from({ length: 30 }, () => ({ ok: true, refused: false })))
})
