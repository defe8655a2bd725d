import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GoogleGenAI } from '@google/genai'
import { Mistral } from '@mistralai/mistralai'
import { HTTPClient } from '@mistralai/mistralai/lib/http'
import { Client as Notion, LogLevel as NotionLogLevel } from '@notionhq/client'
import { Octokit } from '@octokit/core'
import { LogLevel, WebClient } from '@slack/web-api'
import { FetchHttpHandler } from '@smithy/fetch-http-handler'
import { createClient } from '@supabase/supabase-js'
import { createTRPCClient, httpLink } from '@trpc/client'
import { initTRPC } from '@trpc/server'
import { generateText } from 'ai'
import type { AplombOptions } from 'aplomb'
import { GraphQLClient } from 'graphql-request'
import ky from 'ky'
import OpenAI from 'openai'
import createOpenApi from 'openapi-fetch'
import { Stripe } from 'stripe'
import type { Fetch } from '@aplomb/pipeline'

/** A call through a client library, as it is by default and as its page in docs/sdks sets it up. */
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

const notion = (base: string, fetch: Fetch, isRecipe: boolean): Notion =>
  new Notion({
    auth: 'k',
    baseUrl: base,
    // With `exactOptionalPropertyTypes` its types take no `fetch` at all.
    fetch: fetch as never,
    logLevel: NotionLogLevel.ERROR,
    ...(isRecipe && { retry: false }),
  })

const s3 = (base: string, fetch: Fetch, isRecipe: boolean): S3Client =>
  new S3Client({
    region: 'us-east-1',
    endpoint: base,
    forcePathStyle: true,
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    requestHandler: new FetchHttpHandler({ customFetch: fetch }),
    ...(isRecipe && { maxAttempts: 1 }),
  })

interface Paths {
  '/items': Record<'get' | 'post', { responses: { 200: { content: { 'application/json': unknown[] } } } }>
}

const { router, procedure } = initTRPC.create()
const app = router({ get: procedure.query(() => 1), add: procedure.mutation(() => 1) })
const trpc = (base: string, fetch: Fetch) =>
  createTRPCClient<typeof app>({ links: [httpLink({ url: `${base}/trpc`, fetch: fetch as never })] })

const kyOf = (fetch: Fetch, isRecipe: boolean) => ky.create({ fetch, ...(isRecipe && { retry: 0, timeout: false }) })

const SAFE = 'GET'
const ALL = "`repeatable: 'all'`"
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
    because: ALL,
    call: async (base, fetch, isRecipe) => {
      const openai = createOpenAI({ apiKey: 'k', baseURL: `${base}/v1`, fetch })
      const retries = isRecipe ? { maxRetries: 0 } : {}
      return (await generateText({ model: openai.chat('m'), prompt: 'hi', ...retries })).text === 'hello'
    },
  },
  {
    name: 'ai + @ai-sdk/anthropic, `generateText`',
    options: { repeatable: 'all' },
    because: ALL,
    call: async (base, fetch, isRecipe) => {
      const model = createAnthropic({ apiKey: 'k', baseURL: `${base}/v1`, fetch })('claude-sonnet-5')
      return (await generateText({ model, prompt: 'hi', ...(isRecipe && { maxRetries: 0 }) })).text === 'hello'
    },
  },
  {
    name: '@google/genai, `generateContent`',
    options: { repeatable: 'all' },
    because: ALL,
    call: async (base, fetch) => {
      const ai = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: base, fetch } })
      return (await ai.models.generateContent({ model: 'm', contents: 'hi' })).text === 'hello'
    },
  },
  {
    name: '@mistralai/mistralai, `chat.complete`',
    options: { repeatable: 'all' },
    because: ALL,
    call: async (base, fetch) => {
      const httpClient = new HTTPClient({ fetcher: fetch })
      const client = new Mistral({ apiKey: 'k', serverURL: base, httpClient })
      return (await client.chat.complete({ model: 'm', messages: PROMPT })).id === 'c1'
    },
  },
  {
    name: '@slack/web-api, `chat.postMessage`',
    options: { repeatable: 'all' },
    because: ALL,
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
    name: '@notionhq/client, `pages.retrieve`',
    because: SAFE,
    call: async (base, fetch, isRecipe) =>
      (await notion(base, fetch, isRecipe).pages.retrieve({ page_id: 'p' })) !== undefined,
  },
  {
    name: '@notionhq/client, `pages.create`',
    because: UNSAFE,
    call: async (base, fetch, isRecipe) =>
      (await notion(base, fetch, isRecipe).pages.create({ parent: { page_id: 'p' }, properties: {} })) !== undefined,
  },
  {
    name: '@aws-sdk/client-s3, `PutObject`',
    options: { backoffJitter: { baseMs: 100 } },
    because: 'PUT',
    call: async (base, fetch, isRecipe) => {
      const command = new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'text' })
      return (await s3(base, fetch, isRecipe).send(command)).$metadata.httpStatusCode === 200
    },
  },
  {
    name: 'graphql-request, a query',
    because: 'a query',
    call: async (base, fetch) =>
      (await new GraphQLClient(`${base}/graphql`, { fetch }).request('{ viewer { login } }')) !== undefined,
  },
  {
    name: 'graphql-request, a mutation',
    because: UNSAFE,
    call: async (base, fetch) =>
      (await new GraphQLClient(`${base}/graphql`, { fetch }).request('mutation { add { id } }')) !== undefined,
  },
  {
    name: 'openapi-fetch, `GET`',
    because: SAFE,
    call: async (base, fetch) =>
      (await createOpenApi<Paths>({ baseUrl: base, fetch }).GET('/items')).data !== undefined,
  },
  {
    name: 'openapi-fetch, `POST`',
    because: UNSAFE,
    call: async (base, fetch) =>
      (await createOpenApi<Paths>({ baseUrl: base, fetch }).POST('/items')).data !== undefined,
  },
  {
    name: '@trpc/client, a query',
    because: SAFE,
    call: async (base, fetch) => (await trpc(base, fetch).get.query()) === 1,
  },
  {
    name: '@trpc/client, a mutation',
    because: UNSAFE,
    call: async (base, fetch) => (await trpc(base, fetch).add.mutate()) === 1,
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
