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
import { createClient as createSupabase } from '@supabase/supabase-js'
import { createTRPCClient, httpLink } from '@trpc/client'
import { initTRPC } from '@trpc/server'
import { generateText, streamText } from 'ai'
import type { AplombOptions, Fetch } from 'aplomb'
import { GraphQLClient } from 'graphql-request'
import OpenAI from 'openai'
import createOpenApi from 'openapi-fetch'
import { Stripe } from 'stripe'
import { expect } from 'vitest'

/** A client library, set up as its page in docs/sdks says. */
export interface Sdk {
  readonly name: string
  /** In docs/sdks. */
  readonly page: string
  /** What the page gives to `aplomb()`. */
  readonly options: AplombOptions & { readonly timeoutMs: number }
  /** How long it waits for a call by itself. */
  readonly limitMs?: number
  /** A call that changes something, or generates something, as its page sets it up; `alone` as it is by default. */
  readonly call: (fetch: Fetch, signal?: AbortSignal, alone?: boolean) => Promise<unknown>
  /** Whether the call takes a signal. */
  readonly aborts: boolean
  /** What its server answers when it serves the call, and what of that the call resolves to. */
  readonly served: object | string
  readonly result: unknown
  /** How often the call is sent to a server that always answers 500: by default, and as its page sets it up. */
  readonly alone: number
  readonly sent: number
  /** Its server's refusal of one call too many, and the error if it is handed over. */
  readonly limited: Refusal
  /** Its server's refusal where money or an allowance is used up, and the error. */
  readonly spent: Refusal
  /** The error where our time limit ends a request that is not answered. */
  readonly timedOut: object
  /** Whether what it fails with has the Response, for `verdictOf`. */
  readonly keepsResponse: boolean
  /** A call that is answered by a stream: each event of the server, and what the library makes of each. */
  readonly stream?: Streaming
}

export interface Refusal {
  readonly status: number
  readonly body: object | string
  readonly error: object
}

interface Streaming {
  readonly open: (fetch: Fetch, signal?: AbortSignal) => Promise<AsyncIterable<unknown>>
  readonly events: readonly string[]
  readonly pieces: readonly unknown[]
}

const json = (...members: object[]): string[] => members.map((one) => `data: ${JSON.stringify(one)}\n\n`)
const named = (...events: (readonly [type: string, members?: object])[]): string[] =>
  events.map(([type, members]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`)

async function* mapped<T>(source: AsyncIterable<T>, pick: (one: T) => unknown): AsyncIterable<unknown> {
  for await (const one of source) {
    const piece = pick(one)
    if (piece !== undefined && piece !== '') yield piece
  }
}

const PROMPT = [{ role: 'user' as const, content: 'hi' }]

const chat = {
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}

const chunk = (content: string, finish_reason: string | null = null) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }],
})
const chunks = [...json(chunk('one'), chunk('two', 'stop')), 'data: [DONE]\n\n']

const message = {
  id: 'm1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
}

const messageEvents = named(
  ['message_start', { message: { ...message, content: [], stop_reason: null } }],
  ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
  ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'one' } }],
  ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'two' } }],
  ['content_block_stop', { index: 0 }],
  ['message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }],
  ['message_stop'],
)

const openAiLimit = {
  status: 429,
  body: {
    error: { message: 'Rate limit reached for requests.', type: 'requests', param: null, code: 'rate_limit_exceeded' },
  },
}
const openAiQuota = {
  status: 429,
  body: {
    error: {
      message: 'You exceeded your current quota, please check your plan and billing details.',
      type: 'insufficient_quota',
      param: null,
      code: 'insufficient_quota',
    },
  },
}
const anthropicLimit = {
  status: 429,
  body: { type: 'error', error: { type: 'rate_limit_error', message: 'This request would exceed your rate limit.' } },
}
const anthropicCredits = {
  status: 400,
  body: {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message: 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.',
    },
  },
}

const openai = (fetch: Fetch, alone?: boolean): OpenAI =>
  new OpenAI({ apiKey: 'k', fetch, ...(alone !== true && { maxRetries: 0 }) })
const anthropic = (fetch: Fetch, alone?: boolean): Anthropic =>
  new Anthropic({ apiKey: 'k', fetch, ...(alone !== true && { maxRetries: 0 }) })
const retries = (alone?: boolean) => (alone === true ? {} : { maxRetries: 0 })

const genai = (fetch: Fetch): GoogleGenAI => new GoogleGenAI({ apiKey: 'k', httpOptions: { fetch } })
const mistral = (fetch: Fetch): Mistral => new Mistral({ apiKey: 'k', httpClient: new HTTPClient({ fetcher: fetch }) })

const stripe = (fetch: Fetch, alone?: boolean): Stripe =>
  new Stripe('sk_test_1', {
    httpClient: Stripe.createFetchHttpClient(fetch),
    telemetry: false,
    ...(alone !== true && { maxNetworkRetries: 0 }),
  })

// It logs what it rejects with.
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const notion = (fetch: Fetch, alone?: boolean): Notion =>
  new Notion({
    auth: 'k',
    // With `exactOptionalPropertyTypes` its types take no `fetch` at all.
    fetch: fetch as never,
    logLevel: NotionLogLevel.ERROR,
    ...(alone !== true && { retry: false }),
  })

const s3 = (fetch: Fetch, alone?: boolean): S3Client =>
  new S3Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    requestHandler: new FetchHttpHandler({ customFetch: fetch }),
    ...(alone !== true && { maxAttempts: 1 }),
  })

const t = initTRPC.create()
const router = t.router({ add: t.procedure.mutation(() => ({ id: 1 })) })

interface Paths {
  '/items': { post: { requestBody: { content: { 'application/json': { name: string } } }; responses: Items } }
}
interface Items {
  200: { content: { 'application/json': { id: number } } }
  default: { content: { 'application/json': { message: string } } }
}

const shopifyThrottled = {
  errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }],
}

/** What `timeoutMs` ends a call with. */
const TIMEOUT = { name: 'TimeoutError' }

export const SDKS: readonly Sdk[] = [
  {
    name: 'openai',
    page: 'openai',
    options: { timeoutMs: 590_000 },
    limitMs: 600_000,
    call: async (fetch, signal, alone) =>
      (await openai(fetch, alone).chat.completions.create({ model: 'm', messages: PROMPT }, { signal })).id,
    aborts: true,
    served: chat,
    result: 'c1',
    keepsResponse: false,
    timedOut: { constructor: OpenAI.APIConnectionTimeoutError, cause: TIMEOUT },
    alone: 3,
    sent: 4,
    limited: {
      ...openAiLimit,
      error: { constructor: OpenAI.RateLimitError, status: 429, code: 'rate_limit_exceeded' },
    },
    spent: { ...openAiQuota, error: { constructor: OpenAI.RateLimitError, status: 429, code: 'insufficient_quota' } },
    stream: {
      open: async (fetch, signal) =>
        mapped(
          await openai(fetch).chat.completions.create({ model: 'm', messages: PROMPT, stream: true }, { signal }),
          ({ choices }) => choices[0]?.delta.content,
        ),
      events: chunks,
      pieces: ['one', 'two'],
    },
  },
  {
    name: '@anthropic-ai/sdk',
    page: 'anthropic',
    options: { timeoutMs: 590_000 },
    limitMs: 600_000,
    call: async (fetch, signal, alone) =>
      (await anthropic(fetch, alone).messages.create({ model: 'm', max_tokens: 9, messages: PROMPT }, { signal })).id,
    aborts: true,
    served: message,
    result: 'm1',
    keepsResponse: false,
    timedOut: { constructor: Anthropic.APIConnectionTimeoutError },
    alone: 3,
    sent: 4,
    limited: { ...anthropicLimit, error: { constructor: Anthropic.RateLimitError, type: 'rate_limit_error' } },
    spent: { ...anthropicCredits, error: { constructor: Anthropic.BadRequestError, type: 'invalid_request_error' } },
    stream: {
      open: async (fetch, signal) =>
        mapped(
          await anthropic(fetch).messages.create(
            { model: 'm', max_tokens: 9, messages: PROMPT, stream: true },
            { signal },
          ),
          (event) =>
            event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : '',
        ),
      events: messageEvents,
      pieces: ['one', 'two'],
    },
  },
  {
    name: 'ai + @ai-sdk/openai',
    page: 'ai-sdk',
    options: { repeatable: 'all', timeoutMs: 120_000 },
    call: async (fetch, abortSignal, alone) => {
      const model = createOpenAI({ apiKey: 'k', fetch }).chat('m')
      return (await generateText({ model, prompt: 'hi', ...(abortSignal && { abortSignal }), ...retries(alone) })).text
    },
    aborts: true,
    served: chat,
    result: 'hello',
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 3,
    sent: 4,
    limited: { ...openAiLimit, error: { name: 'AI_APICallError', statusCode: 429, isRetryable: true } },
    spent: { ...openAiQuota, error: { name: 'AI_APICallError', statusCode: 429 } },
    stream: {
      open: async (fetch, abortSignal) => {
        const model = createOpenAI({ apiKey: 'k', fetch }).chat('m')
        return streamText({ model, prompt: 'hi', ...(abortSignal && { abortSignal }), maxRetries: 0 }).textStream
      },
      events: chunks,
      pieces: ['one', 'two'],
    },
  },
  {
    name: 'ai + @ai-sdk/anthropic',
    page: 'ai-sdk',
    options: { repeatable: 'all', timeoutMs: 120_000 },
    call: async (fetch, abortSignal, alone) => {
      const model = createAnthropic({ apiKey: 'k', fetch })('m')
      return (await generateText({ model, prompt: 'hi', ...(abortSignal && { abortSignal }), ...retries(alone) })).text
    },
    aborts: true,
    served: message,
    result: 'hello',
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 3,
    sent: 4,
    limited: { ...anthropicLimit, error: { name: 'AI_APICallError', statusCode: 429, isRetryable: true } },
    spent: { ...anthropicCredits, error: { name: 'AI_APICallError', statusCode: 400, isRetryable: false } },
    stream: {
      open: async (fetch, abortSignal) => {
        const model = createAnthropic({ apiKey: 'k', fetch })('m')
        return streamText({ model, prompt: 'hi', ...(abortSignal && { abortSignal }), maxRetries: 0 }).textStream
      },
      events: messageEvents,
      pieces: ['one', 'two'],
    },
  },
  {
    name: '@google/genai',
    page: 'google-genai',
    options: { repeatable: 'all', timeoutMs: 280_000 },
    call: async (fetch, abortSignal) =>
      (
        await genai(fetch).models.generateContent({
          model: 'm',
          contents: 'hi',
          config: abortSignal ? { abortSignal } : {},
        })
      ).text,
    aborts: true,
    served: { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
    result: 'hello',
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 1,
    sent: 4,
    limited: {
      status: 429,
      body: { error: { code: 429, message: 'Resource has been exhausted.', status: 'RESOURCE_EXHAUSTED' } },
      error: { name: 'ApiError', status: 429 },
    },
    spent: {
      status: 429,
      body: {
        error: {
          code: 429,
          message: 'You exceeded your current quota, please check your plan and billing details.',
          status: 'RESOURCE_EXHAUSTED',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
              violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
            },
          ],
        },
      },
      error: { name: 'ApiError', status: 429 },
    },
    stream: {
      open: async (fetch, abortSignal) =>
        mapped(
          await genai(fetch).models.generateContentStream({
            model: 'm',
            contents: 'hi',
            config: abortSignal ? { abortSignal } : {},
          }),
          ({ text }) => text,
        ),
      events: json(
        { candidates: [{ content: { role: 'model', parts: [{ text: 'one' }] } }] },
        { candidates: [{ content: { role: 'model', parts: [{ text: 'two' }] }, finishReason: 'STOP' }] },
      ),
      pieces: ['one', 'two'],
    },
  },
  {
    name: '@mistralai/mistralai',
    page: 'mistral',
    options: { repeatable: 'all', timeoutMs: 280_000 },
    limitMs: 300_000,
    call: async (fetch, signal) => {
      const request = { model: 'm', messages: PROMPT }
      return (await mistral(fetch).chat.complete(request, signal && { fetchOptions: { signal } })).id
    },
    aborts: true,
    served: chat,
    result: 'c1',
    timedOut: { name: 'RequestTimeoutError', cause: TIMEOUT },
    alone: 1,
    sent: 4,
    limited: {
      status: 429,
      body: {
        object: 'error',
        message: 'Requests rate limit exceeded',
        type: 'rate_limited',
        param: null,
        code: '1300',
      },
      error: { name: 'SDKError', statusCode: 429 },
    },
    spent: { status: 402, body: { message: 'Payment required' }, error: { name: 'SDKError', statusCode: 402 } },
    keepsResponse: true,
    stream: {
      open: async (fetch, signal) =>
        mapped(
          await mistral(fetch).chat.stream({ model: 'm', messages: PROMPT }, signal && { fetchOptions: { signal } }),
          ({ data }) => data.choices[0]?.delta.content,
        ),
      events: chunks,
      pieces: ['one', 'two'],
    },
  },
  {
    name: 'stripe',
    page: 'stripe',
    options: { timeoutMs: 75_000 },
    limitMs: 80_000,
    call: async (fetch, _, alone) => (await stripe(fetch, alone).customers.create({ name: 'n' })).id,
    aborts: false,
    served: { id: 'cus_1', object: 'customer' },
    result: 'cus_1',
    keepsResponse: false,
    timedOut: { constructor: Stripe.errors.StripeConnectionError, detail: TIMEOUT },
    alone: 3,
    sent: 4,
    limited: {
      status: 429,
      body: { error: { type: 'invalid_request_error', code: 'rate_limit', message: 'Too many requests hit the API.' } },
      error: { constructor: Stripe.errors.StripeRateLimitError, statusCode: 429 },
    },
    spent: {
      status: 402,
      body: {
        error: {
          type: 'card_error',
          code: 'card_declined',
          decline_code: 'insufficient_funds',
          message: 'Your card has insufficient funds.',
        },
      },
      error: { constructor: Stripe.errors.StripeCardError, decline_code: 'insufficient_funds' },
    },
  },
  {
    name: '@octokit/core',
    page: 'octokit',
    options: { timeoutMs: 120_000 },
    call: async (fetch, signal) =>
      (
        await new Octokit({ request: { fetch }, log: silent }).request('POST /repos/a/b/issues', {
          title: 't',
          request: signal ? { signal } : {},
        })
      ).status,
    aborts: true,
    served: { number: 1 },
    result: 200,
    keepsResponse: false,
    timedOut: { name: 'HttpError', status: 500, cause: TIMEOUT },
    alone: 1,
    sent: 1,
    limited: {
      status: 429,
      body: { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' },
      error: { name: 'HttpError', status: 429, response: { headers: { 'retry-after': expect.any(String) } } },
    },
    spent: {
      status: 402,
      body: { message: 'Payment required' },
      error: { name: 'HttpError', status: 402 },
    },
  },
  {
    name: '@supabase/supabase-js',
    page: 'supabase',
    options: { timeoutMs: 60_000 },
    call: async (fetch, signal, alone) => {
      const supabase = createSupabase('https://demo.supabase.co', 'key', {
        auth: { persistSession: false, autoRefreshToken: false },
        global: { fetch },
        ...(alone !== true && { db: { retry: false } }),
      })
      const insert = supabase.from('items').insert({ a: 1 })
      const { status } = await (signal ? insert.abortSignal(signal) : insert).throwOnError()
      return status
    },
    aborts: true,
    served: '',
    result: 200,
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 1,
    sent: 1,
    limited: {
      status: 429,
      body: { message: 'API rate limit exceeded' },
      error: { message: 'API rate limit exceeded' },
    },
    spent: { status: 402, body: { message: 'exceed_egress_quota' }, error: { message: 'exceed_egress_quota' } },
  },
  {
    name: '@slack/web-api',
    page: 'slack',
    options: { repeatable: 'all', timeoutMs: 120_000 },
    call: async (fetch, _, alone) => {
      const client = new WebClient('xoxb-1', {
        fetch,
        logLevel: LogLevel.ERROR,
        ...(alone !== true && { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true }),
      })
      return (await client.apiCall('chat.postMessage', { channel: 'c', text: 'hi' })).ok
    },
    aborts: false,
    served: { ok: true },
    result: true,
    keepsResponse: false,
    timedOut: { code: 'slack_webapi_request_error', original: TIMEOUT },
    alone: 11,
    sent: 4,
    limited: {
      status: 429,
      body: { ok: false, error: 'ratelimited' },
      error: { code: 'slack_webapi_rate_limited_error', retryAfter: expect.any(Number) },
    },
    spent: {
      status: 402,
      body: { ok: false, error: 'payment_required' },
      error: { code: 'slack_webapi_http_error', statusCode: 402 },
    },
  },
  {
    name: '@notionhq/client',
    page: 'notion',
    options: { timeoutMs: 55_000 },
    limitMs: 60_000,
    call: async (fetch, _, alone) => {
      return (await notion(fetch, alone).pages.create({ parent: { page_id: 'p' }, properties: {} })).id
    },
    aborts: false,
    served: { object: 'page', id: 'p1' },
    result: 'p1',
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 1,
    sent: 1,
    limited: {
      status: 429,
      body: { object: 'error', status: 429, code: 'rate_limited', message: 'This request exceeds the number allowed.' },
      error: { name: 'APIResponseError', code: 'rate_limited', status: 429 },
    },
    spent: {
      status: 402,
      body: 'Payment required',
      error: { name: 'UnknownHTTPResponseError', status: 402 },
    },
    stream: {
      open: async (fetch) =>
        mapped(notion(fetch).sessions.stream({ agent_id: 'a', message: 'hi' }), ({ type }) => type),
      events: named(['event.committed'], ['stream.end']),
      pieces: ['event.committed', 'stream.end'],
    },
  },
  {
    name: '@aws-sdk/client-s3',
    page: 'aws-s3',
    options: { timeoutMs: 120_000, backoffJitter: { baseMs: 100 } },
    call: async (fetch, abortSignal, alone) =>
      (
        await s3(fetch, alone).send(
          new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x' }),
          abortSignal ? { abortSignal } : {},
        )
      ).$metadata.httpStatusCode,
    aborts: true,
    served: '',
    result: 200,
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 3,
    sent: 4,
    limited: {
      status: 503,
      body: '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
      error: { name: 'SlowDown', $metadata: { httpStatusCode: 503 } },
    },
    spent: {
      status: 402,
      body: '<Error><Code>PaymentRequired</Code><Message>Pay.</Message></Error>',
      error: { name: 'PaymentRequired', $metadata: { httpStatusCode: 402 } },
    },
  },
  {
    name: 'graphql-request',
    page: 'graphql-request',
    options: { timeoutMs: 60_000 },
    call: async (fetch, signal) =>
      new GraphQLClient('https://api.test/graphql', { fetch }).request({
        document: 'mutation { add { id } }',
        signal,
      } as never),
    aborts: true,
    served: { data: { add: { id: 1 } } },
    result: { add: { id: 1 } },
    keepsResponse: false,
    timedOut: TIMEOUT,
    alone: 1,
    sent: 1,
    limited: { status: 429, body: shopifyThrottled, error: { response: { status: 429 } } },
    spent: { status: 402, body: { message: 'Pay' }, error: { response: { status: 402 } } },
  },
  {
    name: 'openapi-fetch',
    page: 'openapi-fetch',
    options: { timeoutMs: 60_000 },
    call: async (fetch, signal) => {
      const client = createOpenApi<Paths>({ baseUrl: 'https://api.test', fetch })
      const { data, response } = await client.POST('/items', { body: { name: 'n' }, signal: signal ?? null })
      if (!data) throw Object.assign(new Error('no data'), { response })
      return data
    },
    aborts: true,
    served: { id: 1 },
    result: { id: 1 },
    timedOut: TIMEOUT,
    alone: 1,
    sent: 1,
    limited: { status: 429, body: { message: 'Too many' }, error: { response: { status: 429 } } },
    spent: { status: 402, body: { message: 'Pay' }, error: { response: { status: 402 } } },
    keepsResponse: true,
  },
  {
    name: '@trpc/client',
    page: 'trpc',
    options: { timeoutMs: 60_000 },
    call: async (fetch, signal) => {
      const client = createTRPCClient<typeof router>({
        links: [httpLink({ url: 'https://api.test/trpc', fetch: fetch as never })],
      })
      return client.add.mutate(undefined, signal && { signal })
    },
    aborts: true,
    served: { result: { data: { id: 1 } } },
    result: { id: 1 },
    timedOut: { name: 'TRPCClientError', cause: TIMEOUT },
    alone: 1,
    sent: 1,
    limited: {
      status: 429,
      body: { error: { message: 'Slow down', code: -32_029, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 } } },
      error: { name: 'TRPCClientError', data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 } },
    },
    spent: {
      status: 402,
      body: { error: { message: 'Pay', code: -32_002, data: { code: 'PAYMENT_REQUIRED', httpStatus: 402 } } },
      error: { name: 'TRPCClientError', data: { code: 'PAYMENT_REQUIRED' } },
    },
    keepsResponse: true,
  },
]
