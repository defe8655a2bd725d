import { readLimits } from '@aplomb/limits'
import { createMockApi } from '@aplomb/mock-api'
import { mistral } from '@aplomb/mock-api/profiles'
import { HTTPClient, Mistral } from '@mistralai/mistralai'
import { HTTPValidationError, MistralError } from '@mistralai/mistralai/models/errors'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post, told } from './ask.ts'

const URL = 'https://api.mistral.ai/v1/chat/completions'
const KEY = { authorization: 'Bearer test' }
const body = { model: 'mistral-large-latest', messages: [{ role: 'user' as const, content: 'x'.repeat(400) }] }

describe('the profile of Mistral, as @aplomb/limits and classify read it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it('both limits on a success, with what the call has cost', async () => {
    const answer = await post(createMockApi({ profile: mistral }), URL, KEY, body)
    expect(told(answer)).toMatchObject({
      'req-minute': { limit: 60, remaining: 59, resetMs: undefined },
      'tokens-minute': { limit: 500_000, remaining: 499_900, resetMs: undefined },
    })
    const { usage } = await answer.json()
    expect(readLimits(answer).credits?.cost).toBe(usage.total_tokens)
  })

  it.each([
    ['requests', { requests: { limit: 1 } }, 60_000],
    ['tokens', { tokens: { limit: 150 } }, 60_000],
  ] as const)('too many %s, and no word of a wait', async (_, limits, waitMs) => {
    const api = createMockApi({ profile: mistral, limits })
    await post(api, URL, KEY, body)
    const refused = await post(api, URL, KEY, body)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null])
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true })
    vi.advanceTimersByTime(waitMs)
    expect((await post(api, URL, KEY, body)).status).toBe(200)
  })

  it.each([
    [401, {}, body, 'unauthenticated'],
    [400, KEY, { ...body, model: 'missing' }, 'invalid'],
    [422, KEY, { model: 'mistral-large-latest' }, 'unprocessable'],
  ])('%i', async (status, headers, sent, kind) => {
    const refused = await post(createMockApi({ profile: mistral }), URL, headers, sent)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: mistral, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({ kind, retryable: true })
  })
})

const wordsOf = (content: unknown): number => (typeof content === 'string' ? content.split(' ').length : 0)

describe('the profile of Mistral, as its SDK reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, apiKey = 'test') =>
    new Mistral({ apiKey, httpClient: new HTTPClient({ fetcher: api.fetch }) })

  it('an answer, and the same one as a stream with its usage', async () => {
    const { chat } = clientOf(createMockApi({ profile: mistral }))
    const whole = await chat.complete(body)
    expect(wordsOf(whole.choices[0]?.message?.content)).toBe(whole.usage.completionTokens)
    let text = ''
    let output
    for await (const { data } of await chat.stream(body)) {
      const { content } = data.choices[0]?.delta ?? {}
      if (typeof content === 'string') text += content
      output = data.usage?.completionTokens
    }
    expect(wordsOf(text)).toBe(output)
  })

  it('code, embeddings and models', async () => {
    const client = clientOf(createMockApi({ profile: mistral }))
    const code = await client.fim.complete({ model: 'codestral-latest', prompt: 'const a =' })
    expect(code.usage.completionTokens).toBeGreaterThan(0)
    const { data } = await client.embeddings.create({ model: 'mistral-embed', inputs: ['a', 'b'] })
    expect(data.map(({ embedding }) => embedding?.length)).toEqual([1024, 1024])
    expect((await client.models.list()).data).toMatchObject([{ id: 'mistral-large-latest' }, { id: 'mistral-embed' }])
  })

  it('its error classes', async () => {
    const client = clientOf(createMockApi({ profile: mistral, limits: { requests: { limit: 2 } } }))
    expect(await fault(client.chat.complete({ ...body, model: 'missing' }))).toMatchObject({
      statusCode: 400,
      body: expect.stringContaining('invalid_model'),
    })
    await client.chat.complete(body)
    const refused = await fault(client.chat.complete(body))
    expect(refused).toBeInstanceOf(MistralError)
    expect(refused).toMatchObject({ statusCode: 429 })
    expect(await fault(clientOf(createMockApi({ profile: mistral }), 'invalid').models.list())).toMatchObject({
      statusCode: 401,
    })
    const strict = clientOf(createMockApi({ profile: mistral, flaky: { rate: 1, kinds: ['422'] } }))
    expect(await fault(strict.chat.complete(body))).toBeInstanceOf(HTTPValidationError)
  })
})
