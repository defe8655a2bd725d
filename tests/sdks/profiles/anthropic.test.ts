import Anthropic from '@anthropic-ai/sdk'
import { createMockApi } from '@aplomb/mock-api'
import { anthropic } from '@aplomb/mock-api/profiles'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post, told } from './ask.ts'

const URL = 'https://api.anthropic.com/v1/messages'
const KEY = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01' }
const messages = [{ role: 'user' as const, content: 'x'.repeat(4000) }]
const body = { model: 'claude-sonnet-5', max_tokens: 40, messages }

describe('the profile of Anthropic, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('three windows on a success, tokens to the thousand, each with the moment when it is full', async () => {
    const answer = await post(createMockApi({ profile: anthropic }), URL, KEY, body)
    expect(told(answer)).toEqual({
      requests: { limit: 50, remaining: 49, resetMs: 2000 },
      'input-tokens': { limit: 30_000, remaining: 29_000, resetMs: 2000 },
      'output-tokens': { limit: 8000, remaining: 8000, resetMs: 1000 },
    })
    expect(await judged(answer)).toMatchObject({ kind: 'ok', requestId: expect.stringMatching(/^req_[\da-f]{24}$/) })
  })

  it('output counts as it is made, and the estimate of the input gives way to the truth', async () => {
    const api = createMockApi({ profile: anthropic })
    const { usage } = await (await post(api, URL, KEY, body)).json()
    const next = await post(api, URL, KEY, { ...body, messages: [] })
    const rounded = (tokens: number) => String(Math.round(Math.floor(tokens) / 1000) * 1000)
    expect(next.headers.get('anthropic-ratelimit-input-tokens-remaining')).toBe(rounded(30_000 - usage.input_tokens))
    expect(next.headers.get('anthropic-ratelimit-output-tokens-remaining')).toBe(
      rounded(8000 - usage.output_tokens - 1),
    )
  })

  it.each([
    ['requests', { requests: { limit: 1 } }, 60_000],
    ['input-tokens', { 'input-tokens': { limit: 1200 } }, undefined],
    ['output-tokens', { 'output-tokens': { limit: 1 } }, 60_000],
  ] as const)('%s that are used up', async (_, limits, waitMs) => {
    const api = createMockApi({ profile: anthropic, limits })
    await post(api, URL, KEY, body)
    const refused = await post(api, URL, KEY, body)
    const { retryAfterMs = 0, ...verdict } = await judged(refused)
    expect(verdict).toMatchObject({ kind: 'rate-limited', retryable: true })
    if (waitMs !== undefined) expect(retryAfterMs).toBe(waitMs)
    vi.advanceTimersByTime(retryAfterMs - 1000)
    expect((await post(api, URL, KEY, body)).status).toBe(429)
    vi.advanceTimersByTime(1000)
    expect((await post(api, URL, KEY, body)).status).toBe(200)
  })

  it('more at once than there may be', async () => {
    const api = createMockApi({ profile: anthropic, limits: { concurrency: 1 }, latencyMs: 10 })
    const first = post(api, URL, KEY, body)
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({
      kind: 'concurrency-limited',
      retryable: true,
    })
    await vi.advanceTimersByTimeAsync(10)
    expect((await first).status).toBe(200)
  })

  it.each([
    [401, {}, body, 'unauthenticated'],
    [401, { ...KEY, 'x-api-key': 'invalid' }, body, 'unauthenticated'],
    [400, { 'x-api-key': 'sk-ant-test' }, body, 'invalid'],
    [400, KEY, { ...body, max_tokens: undefined }, 'invalid'],
    [404, KEY, { ...body, model: 'claude-missing' }, 'missing'],
  ])('%i', async (status, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: anthropic }), URL, headers, sent)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    ['500', 500, 'server-error'],
    ['503', 529, 'overloaded'],
    ['529', 529, 'overloaded'],
  ] as const)('%s by chance', async (kind, status, verdict) => {
    const api = createMockApi({ profile: anthropic, flaky: { rate: 1, kinds: [kind] } })
    const answer = await post(api, URL, KEY, body)
    expect([answer.status, await judged(answer)]).toMatchObject([status, { kind: verdict, retryable: true }])
  })

  it('no credits', async () => {
    const refused = await post(createMockApi({ profile: anthropic, limits: { credits: 0 } }), URL, KEY, body)
    expect([refused.status, await judged(refused)]).toMatchObject([400, { kind: 'billing', retryable: false }])
  })
})

describe('the profile of Anthropic, as its SDK reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, apiKey = 'sk-ant-test') =>
    new Anthropic({ apiKey, fetch: api.fetch, maxRetries: 0 })

  it('an answer, and the same one as a stream', async () => {
    const client = clientOf(createMockApi({ profile: anthropic }))
    const whole = await client.messages.create(body)
    const streamed = await client.messages.stream(body).finalMessage()
    for (const { content, usage, stop_reason } of [whole, streamed]) {
      expect(content).toMatchObject([{ type: 'text', text: expect.stringMatching(/^\w+/) }])
      expect(content[0]?.type === 'text' && content[0].text.split(' ')).toHaveLength(usage.output_tokens)
      expect(usage.input_tokens).toBeGreaterThan(900)
      expect(['end_turn', 'max_tokens']).toContain(stop_reason)
    }
  })

  it('tokens and models', async () => {
    const client = clientOf(createMockApi({ profile: anthropic }))
    expect((await client.messages.countTokens(body)).input_tokens).toBeGreaterThan(900)
    expect((await client.models.list()).data).toMatchObject([{ type: 'model' }, { type: 'model' }])
  })

  it('its error classes', async () => {
    const api = createMockApi({ profile: anthropic, limits: { requests: { limit: 3 } } })
    const client = clientOf(api)
    const ask = (more: object) => fault(client.messages.create({ ...body, ...more }))
    expect(await ask({ model: 'missing' })).toBeInstanceOf(Anthropic.NotFoundError)
    expect(await ask({ messages: undefined })).toBeInstanceOf(Anthropic.BadRequestError)
    expect(await fault(clientOf(api, 'invalid').messages.create(body))).toBeInstanceOf(Anthropic.AuthenticationError)
    expect(await ask({})).toMatchObject({
      constructor: Anthropic.RateLimitError,
      type: 'rate_limit_error',
      requestID: expect.stringMatching(/^req_/),
    })
  })

  it('a server that is overloaded', async () => {
    const client = clientOf(createMockApi({ profile: anthropic, outages: [{ fromMs: 0, toMs: 1000 }] }))
    expect(await fault(client.messages.create(body))).toMatchObject({
      constructor: Anthropic.OverloadedError,
      status: 529,
    })
  })
})
