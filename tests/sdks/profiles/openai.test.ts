import { createOpenAI } from '@ai-sdk/openai'
import { createMockApi } from '@aplomb/mock-api'
import { openai } from '@aplomb/mock-api/profiles'
import { serve } from '@aplomb/mock-api/server'
import { APICallError, generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { all, fault, judged, post, told } from './ask.ts'

const URL = 'https://api.openai.com/v1/chat/completions'
const KEY = { authorization: 'Bearer sk-test' }
const messages = [{ role: 'user' as const, content: 'What is the capital of Norway, and how do I get there?' }]
const body = { model: 'gpt-4o', messages, max_tokens: 40 }

const clientOf = (api: ReturnType<typeof createMockApi>, apiKey = 'sk-test') =>
  new OpenAI({ apiKey, fetch: api.fetch, maxRetries: 0 })

it('the limits of a profile are known to the compiler', () => {
  createMockApi({ profile: openai, limits: { requests: { limit: 1 }, tokens: false, credits: 4 } })
  // @ts-expect-error OpenAI has no ceiling
  expect(() => createMockApi({ profile: openai, limits: { concurrency: 1 } })).toThrow(
    'unknown option limits.concurrency',
  )
  // @ts-expect-error a window has more than a number
  expect(() => createMockApi({ profile: openai, limits: { requests: 1 } })).toThrow('limits.requests must be')
})

describe('the profile of OpenAI, as @aplomb/limits and classify read it', () => {
  beforeEach(() => vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('both windows on a success, each with the time until it is full', async () => {
    const api = createMockApi({ profile: openai })
    const answer = await post(api, URL, KEY, body)
    expect(told(answer)).toEqual({
      requests: { limit: 500, remaining: 499, resetMs: 120 },
      tokens: { limit: 30_000, remaining: 29_960, resetMs: 80 },
    })
    expect(await judged(answer)).toMatchObject({ kind: 'ok', requestId: expect.stringMatching(/^req_[\da-f]{24}$/) })
  })

  it.each([
    ['requests', { requests: { limit: 1 } }, 60_000],
    ['tokens', { tokens: { limit: 60 } }, 20_000],
  ] as const)('a window of %s that is used up, with the exact wait', async (_, limits, waitMs) => {
    const api = createMockApi({ profile: openai, limits })
    await post(api, URL, KEY, body)
    const refused = await post(api, URL, KEY, body)
    expect(refused.headers.get('retry-after-ms')).toBe(String(waitMs))
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: waitMs })
    vi.advanceTimersByTime(waitMs - 1)
    expect((await post(api, URL, KEY, body)).status).toBe(429)
    vi.advanceTimersByTime(1)
    expect((await post(api, URL, KEY, body)).status).toBe(200)
  })

  it.each([
    ['larger than the window', { tokens: { limit: 30 } }, { kind: 'invalid', retryable: false }],
    ['credits used up', { credits: 0 }, { kind: 'quota-exhausted', code: 'insufficient_quota' }],
  ] as const)('%s: no wait helps', async (_, limits, verdict) => {
    const refused = await post(createMockApi({ profile: openai, limits }), URL, KEY, body)
    expect(refused.status).toBe(429)
    expect(await judged(refused)).toMatchObject({ ...verdict, retryable: false })
  })

  it.each([
    [401, {}, body, 'unauthenticated'],
    [401, { authorization: 'Bearer sk-invalid' }, body, 'unauthenticated'],
    [404, KEY, { ...body, model: 'gpt-missing' }, 'missing'],
    [400, KEY, { model: 'gpt-4o' }, 'invalid'],
  ])('%i', async (status, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: openai }), URL, headers, sent)
    expect(refused.status).toBe(status)
    expect(await judged(refused)).toMatchObject({ kind, retryable: false, message: expect.stringMatching(/\w{4}/) })
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: openai, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({ kind, retryable: true })
  })

  it('its own bodies count as usage: a quarter of the characters, a tenth more or less, and the frame', async () => {
    const { usage } = await (await post(createMockApi({ profile: openai }), URL, KEY, body)).json()
    const guess = Math.ceil(messages[0]!.content.length / 4)
    expect(usage.prompt_tokens).toBeGreaterThanOrEqual(Math.round(guess * 0.9) + 7)
    expect(usage.prompt_tokens).toBeLessThanOrEqual(Math.round(guess * 1.1) + 7)
    expect(usage.completion_tokens).toBeLessThanOrEqual(40)
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
  })
})

describe('the profile of OpenAI, as its SDK reads it', () => {
  it('an answer, and the same one as a stream with its usage', async () => {
    const client = clientOf(createMockApi({ profile: openai }))
    const whole = await client.chat.completions.create(body)
    const stream = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } })
    const streamed = await stream.finalChatCompletion()
    expect(whole.choices[0]?.message.content).toMatch(/^\w+/)
    expect(streamed.choices[0]?.message.content).toMatch(/^\w+/)
    expect(streamed.usage?.completion_tokens).toBe(streamed.choices[0]?.message.content?.split(' ').length)
    expect(whole.usage?.completion_tokens).toBe(whole.choices[0]?.message.content?.split(' ').length)
  })

  it('the Responses API, whole and streamed', async () => {
    const client = clientOf(createMockApi({ profile: openai }))
    const whole = await client.responses.create({ model: 'gpt-4o', input: 'hi' })
    expect(whole.output_text).toMatch(/^\w+/)
    const seen: string[] = []
    const stream = client.responses.stream({ model: 'gpt-4o', input: 'hi' })
    for await (const { type } of stream) seen.push(type)
    const final = await stream.finalResponse()
    expect(final.output_text.split(' ')).toHaveLength(final.usage?.output_tokens ?? 0)
    expect([seen[0], seen.at(-1)]).toEqual(['response.created', 'response.completed'])
  })

  it('embeddings and models', async () => {
    const client = clientOf(createMockApi({ profile: openai }))
    const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536])
    expect((await client.models.list()).data.map(({ id }) => id)).toContain('gpt-4o')
  })

  it('a stream over real HTTP, frame by frame', async () => {
    const api = createMockApi({ profile: openai })
    await using server = await serve(api)
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: `${server.url}/v1`, maxRetries: 0 })
    const stream = await client.chat.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await all(stream)
    const [last] = chunks.slice(-1)
    expect(last?.usage?.completion_tokens).toBe(chunks.filter(({ choices }) => choices[0]?.delta.content).length)
    expect(api.stats()).toMatchObject({
      served: 1,
      inFlight: 0,
      routes: { 'POST /v1/chat/completions': { served: 1 } },
    })
  })

  it('a stream that is cut', async () => {
    const client = clientOf(createMockApi({ profile: openai, flaky: { rate: 1, kinds: ['truncate'] } }))
    const stream = await client.chat.completions.create({ ...body, stream: true })
    expect(await fault(all(stream))).toMatchObject({ message: 'terminated' })
  })

  it('its error classes', async () => {
    const api = createMockApi({ profile: openai, limits: { requests: { limit: 3 } } })
    const client = clientOf(api)
    expect(await fault(client.chat.completions.create({ ...body, model: 'missing' }))).toBeInstanceOf(
      OpenAI.NotFoundError,
    )
    expect(await fault(client.chat.completions.create({ ...body, messages: undefined as never }))).toBeInstanceOf(
      OpenAI.BadRequestError,
    )
    expect(await fault(clientOf(api, 'invalid').chat.completions.create(body))).toMatchObject({
      constructor: OpenAI.AuthenticationError,
      code: 'invalid_api_key',
    })
    expect(await fault(client.chat.completions.create(body))).toMatchObject({
      constructor: OpenAI.RateLimitError,
      code: 'rate_limit_exceeded',
      type: 'requests',
      requestID: expect.stringMatching(/^req_/),
    })
  })

  it('a server that is down', async () => {
    const client = clientOf(createMockApi({ profile: openai, outages: [{ fromMs: 0, toMs: 1000, status: 500 }] }))
    expect(await fault(client.chat.completions.create(body))).toBeInstanceOf(OpenAI.InternalServerError)
  })
})

describe('the profile of OpenAI, as the AI SDK reads it', () => {
  const modelOf = (api: ReturnType<typeof createMockApi>) => createOpenAI({ apiKey: 'sk-test', fetch: api.fetch })

  it('both APIs, whole and streamed', async () => {
    const provider = modelOf(createMockApi({ profile: openai }))
    for (const model of [provider('gpt-4o'), provider.chat('gpt-4o')]) {
      const whole = await generateText({ model, prompt: 'hi' })
      const streamed = streamText({ model, prompt: 'hi' })
      expect(whole.text.split(' ')).toHaveLength(whole.usage.outputTokens ?? 0)
      expect((await streamed.text).split(' ')).toHaveLength((await streamed.usage).outputTokens ?? 0)
    }
  })

  it('a refusal', async () => {
    const model = modelOf(createMockApi({ profile: openai, limits: { credits: 0 } }))('gpt-4o')
    expect(await fault(generateText({ model, prompt: 'hi', maxRetries: 0 }))).toMatchObject({
      constructor: APICallError,
      statusCode: 429,
    })
  })
})
