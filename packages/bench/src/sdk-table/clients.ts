import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { Octokit } from '@octokit/core'
import { LogLevel, WebClient } from '@slack/web-api'
import { createClient } from '@supabase/supabase-js'
import { generateText } from 'ai'
import type { AplombOptions } from 'aplomb'
import ky from 'ky'
import OpenAI from 'openai'
import { Stripe } from 'stripe'
import type { Fetch } from '@aplomb/pipeline'

/** A call through a client library, as it is by default and as its recipe in docs/sdks.md sets it up. */
export interface Subject {
  readonly name: string
  /** The options of `aplomb()` in the recipe. */
  readonly options?: AplombOptions | undefined
  /** Why a failed request may be sent again, or not. */
  readonly because: string
  /** Rejects, or resolves to something else than `true`, if it is not answered. */
  call(base: string, fetch: Fetch, isRecipe: boolean): Promise<boolean>
}

const PROMPT = [{ role: 'user' as const, content: 'hi' }]

const octokit = (base: string, fetch: Fetch): Octokit =>
  // It logs what it rejects with.
  new Octokit({ baseUrl: base, request: { fetch }, log: { debug() {}, info() {}, warn() {}, error() {} } })

const supabase = (base: string, fetch: Fetch, isRecipe: boolean) =>
  createClient(base, 'key', {
    auth: { persistSession: false, autoRefreshToken: false },
    db: isRecipe ? { retry: false } : {},
    global: { fetch },
  })

const stripe = (base: string, fetch: Fetch, isRecipe: boolean): Stripe => {
  const { hostname, port } = new URL(base)
  const httpClient = Stripe.createFetchHttpClient(fetch)
  const retries = isRecipe ? { maxNetworkRetries: 0 } : {}
  return new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', httpClient, telemetry: false, ...retries })
}

const kyOf = (fetch: Fetch, isRecipe: boolean) => ky.create({ fetch, ...(isRecipe && { retry: 0, timeout: false }) })

const SAFE = 'GET'
const UNSAFE = 'POST: only if it was never sent'

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'openai, `chat.completions.create`',
    because: 'its mark',
    call: async (base, fetch, isRecipe) => {
      const client = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1`, fetch, ...(isRecipe && { maxRetries: 0 }) })
      return (await client.chat.completions.create({ model: 'm', messages: PROMPT })).id === 'c1'
    },
  },
  {
    name: '@anthropic-ai/sdk, `messages.create`',
    because: 'its mark',
    call: async (base, fetch, isRecipe) => {
      const client = new Anthropic({ apiKey: 'k', baseURL: base, fetch, ...(isRecipe && { maxRetries: 0 }) })
      return (await client.messages.create({ model: 'm', max_tokens: 9, messages: PROMPT })).id === 'm1'
    },
  },
  {
    name: 'ai + @ai-sdk/openai, `generateText`',
    options: { repeatable: 'all' },
    because: "`repeatable: 'all'`",
    call: async (base, fetch, isRecipe) => {
      const openai = createOpenAI({ apiKey: 'k', baseURL: `${base}/v1`, fetch })
      const retries = isRecipe ? { maxRetries: 0 } : {}
      return (await generateText({ model: openai.chat('m'), prompt: 'hi', ...retries })).text === 'hello'
    },
  },
  {
    name: '@slack/web-api, `chat.postMessage`',
    options: { repeatable: 'all' },
    because: "`repeatable: 'all'`",
    call: async (base, fetch, isRecipe) => {
      const retries = isRecipe ? { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true } : {}
      const client = new WebClient('xoxb-1', {
        slackApiUrl: `${base}/api/`,
        logLevel: LogLevel.ERROR,
        fetch,
        ...retries,
      })
      return (await client.apiCall('chat.postMessage', { channel: 'c', text: 'hi' })).ok
    },
  },
  {
    name: 'stripe, `customers.create`',
    because: 'its `Idempotency-Key`',
    call: async (base, fetch, isRecipe) =>
      (await stripe(base, fetch, isRecipe).customers.create({ name: 'n' })).id === 'cus_1',
  },
  {
    name: 'stripe, `customers.retrieve`',
    because: SAFE,
    call: async (base, fetch, isRecipe) =>
      (await stripe(base, fetch, isRecipe).customers.retrieve('cus_1')).id === 'cus_1',
  },
  {
    name: '@octokit/core, `GET /repos`',
    because: SAFE,
    call: async (base, fetch) => (await octokit(base, fetch).request('GET /repos/a/b')).status === 200,
  },
  {
    name: '@octokit/core, `POST /issues`',
    because: UNSAFE,
    call: async (base, fetch) =>
      (await octokit(base, fetch).request('POST /repos/a/b/issues', { title: 't' })).status === 200,
  },
  {
    name: '@octokit/core, `graphql` query',
    because: 'a query',
    call: async (base, fetch) => (await octokit(base, fetch).graphql('{ viewer { login } }')) !== undefined,
  },
  {
    name: '@supabase/supabase-js, `select`',
    because: SAFE,
    call: async (base, fetch, isRecipe) =>
      (await supabase(base, fetch, isRecipe).from('items').select()).error === null,
  },
  {
    name: '@supabase/supabase-js, `insert`',
    because: UNSAFE,
    call: async (base, fetch, isRecipe) =>
      (await supabase(base, fetch, isRecipe).from('items').insert({ a: 1 })).error === null,
  },
  {
    name: 'ky, `get`',
    because: SAFE,
    call: async (base, fetch, isRecipe) => (await kyOf(fetch, isRecipe).get(`${base}/items`)).ok,
  },
  {
    name: 'ky, `post`',
    because: UNSAFE,
    call: async (base, fetch, isRecipe) => (await kyOf(fetch, isRecipe).post(`${base}/items`, { json: {} })).ok,
  },
]
