import { createMockApi } from '@aplomb/mock-api'
import { google } from '@aplomb/mock-api/profiles'
import { ApiError, GoogleGenAI } from '@google/genai'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged, post } from './ask.ts'

const URL = 'https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash:generateContent'
const KEY = { 'x-goog-api-key': 'test' }
const body = { contents: [{ role: 'user', parts: [{ text: 'x'.repeat(4000) }] }] }

describe('the profile of Gemini, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['requests', { requests: { limit: 1 } }],
    ['tokens', { tokens: { limit: 1500 } }],
  ] as const)('%s of a minute, with the wait in the body alone', async (_, limits) => {
    const api = createMockApi({ profile: google, limits })
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({ kind: 'ok' })
    vi.advanceTimersByTime(1500)
    const refused = await post(api, URL, KEY, body)
    expect([...refused.headers.keys()]).toEqual(['content-type', 'date'])
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: 58_500 })
    vi.advanceTimersByTime(58_500)
    expect((await post(api, URL, KEY, body)).status).toBe(200)
  })

  it.each([
    ['the requests of a day', { 'requests-per-day': { limit: 1 } }],
    ['credits', { credits: 1 }],
  ] as const)('%s: no wait in this job helps', async (_, limits) => {
    const api = createMockApi({ profile: google, limits })
    await post(api, URL, KEY, body)
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({ kind: 'quota-exhausted' })
  })

  it.each([
    [403, {}, URL, body, 'forbidden'],
    [400, { 'x-goog-api-key': 'invalid' }, URL, body, 'unauthenticated'],
    [400, KEY, URL, {}, 'invalid'],
    [404, KEY, URL.replace('3-flash', 'missing'), body, 'missing'],
    [404, KEY, 'https://generativelanguage.googleapis.com/v1beta/nothing', body, 'missing'],
  ])('%i', async (status, headers, url, sent, kind) => {
    const refused = await post(createMockApi({ profile: google }), url, headers, sent)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
    ['504', 'server-error'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: google, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await post(api, URL, KEY, body))).toMatchObject({ kind, retryable: true })
  })
})

describe('the profile of Gemini, as its SDK reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, apiKey = 'test') =>
    new GoogleGenAI({ apiKey, httpOptions: { fetch: api.fetch, retryOptions: { attempts: 1 } } })
  const request = { model: 'gemini-3-flash', contents: 'hi', config: { maxOutputTokens: 30 } }

  it('an answer, and the same one as a stream with its usage', async () => {
    const { models } = clientOf(createMockApi({ profile: google }))
    const whole = await models.generateContent(request)
    expect(whole.text?.split(' ')).toHaveLength(whole.usageMetadata?.candidatesTokenCount ?? 0)
    let text = ''
    let output
    for await (const chunk of await models.generateContentStream(request)) {
      text += chunk.text
      output = chunk.usageMetadata?.candidatesTokenCount
    }
    expect(text.split(' ')).toHaveLength(output ?? 0)
  })

  it('tokens, embeddings and models', async () => {
    const { models } = clientOf(createMockApi({ profile: google }))
    expect(
      (await models.countTokens({ model: 'gemini-3-flash', contents: 'x'.repeat(400) })).totalTokens,
    ).toBeGreaterThan(90)
    const { embeddings } = await models.embedContent({ model: 'gemini-embedding-001', contents: ['a', 'b'] })
    expect(embeddings?.map(({ values }) => values?.length)).toEqual([768, 768])
    expect((await models.get({ model: 'gemini-3-pro' })).name).toBe('models/gemini-3-pro')
  })

  it('its error class, with status and body', async () => {
    const { models } = clientOf(createMockApi({ profile: google, limits: { requests: { limit: 1 } } }))
    await models.generateContent(request)
    const error = await fault(models.generateContent(request))
    expect(error).toMatchObject({ constructor: ApiError, status: 429 })
    expect(JSON.parse((error as Error).message)).toMatchObject({ error: { status: 'RESOURCE_EXHAUSTED' } })
    const { models: others } = clientOf(createMockApi({ profile: google }), 'invalid')
    expect(await fault(others.generateContent(request))).toMatchObject({ constructor: ApiError, status: 400 })
    expect(await fault(models.generateContent({ ...request, model: 'missing' }))).toMatchObject({ status: 429 })
  })
})
