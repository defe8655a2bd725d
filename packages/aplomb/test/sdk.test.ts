import { createMockApi, type MockApiOptions } from '@aplomb/mock-api'
import ky, { HTTPError } from 'ky'
import OpenAI from 'openai'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions } from '../src/index.ts'
import { listeners, outcomes, settled, timed, useFakeTime, watch } from './support/time.ts'

useFakeTime()

const KEY = 'https://api.test'
const ANSWER = {
  id: 'c1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' } }],
}
const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }

const CHUNKS = ['hel', 'lo'].map((content) => ({ id: 'c1', choices: [{ index: 0, delta: { content } }] }))
const EVENTS = `${CHUNKS.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`

/** The mock, with a chat route of its own; `status` of the first answers, then it serves. */
const serve = (
  refusals: readonly [status: number, headers?: Record<string, string>][],
  options: MockApiOptions = {},
) => {
  const left = [...refusals]
  const bodies: unknown[] = []
  const api = createMockApi({
    ...options,
    routes: (app) => {
      app.post('/v1/chat/completions', async (c) => {
        const body = await c.req.json<{ stream?: boolean }>()
        bodies.push(body)
        const refusal = left.shift()
        if (refusal)
          return new Response(JSON.stringify({ error: { message: 'no' } }), {
            status: refusal[0],
            headers: { 'content-type': 'application/json', ...refusal[1] },
          })
        if (body.stream) return new Response(EVENTS, { headers: { 'content-type': 'text/event-stream' } })
        return c.json(ANSWER)
      })
    },
  })
  const server = timed(api.fetch)
  return { api, server, bodies }
}

describe('openai, with fetch: aplomb() and maxRetries: 0', () => {
  const client = (server: ReturnType<typeof serve>['server'], options: AplombOptions = {}) => {
    const fetch = aplomb({ ...options, fetch: server })
    return { fetch, openai: new OpenAI({ apiKey: 'k', baseURL: `${KEY}/v1`, fetch, maxRetries: 0 }) }
  }
  /** Its requests without the mark by which it says that it would repeat them. */
  const UNMARKED = { defaultHeaders: { 'x-stainless-retry-count': null } }

  test('a refusal with a time is waited for, the body sent again as it was', async () => {
    const { server, bodies } = serve([
      [429, { 'retry-after': '2' }],
      [503, { 'retry-after': '1' }],
    ])
    const { openai } = client(server)
    const answer = await settled(openai.chat.completions.create(QUESTION))
    expect(answer.choices[0]?.message.content).toBe('hello')
    expect(server.times[1]).toBeGreaterThanOrEqual(2000)
    expect(bodies).toEqual([QUESTION, QUESTION, QUESTION])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a POST is sent again, as the SDK by itself would do', async () => {
    const { server, bodies } = serve([[500], [503]])
    const answer = await settled(client(server).openai.chat.completions.create(QUESTION))
    expect(answer.choices[0]?.message.content).toBe('hello')
    expect(bodies).toEqual([QUESTION, QUESTION, QUESTION])
  })

  test('not so where the user says no', async () => {
    const { server } = serve([[500]])
    const { openai } = client(server, { repeatable: () => false })
    const [outcome] = await outcomes([openai.chat.completions.create(QUESTION)])
    expect(outcome && 'error' in outcome && outcome.error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(server.times).toHaveLength(1)
  })

  test('a POST that may have been carried out is not sent again; the error is the one of the SDK', async () => {
    const { server } = serve([[500, { 'x-request-id': 'r1' }]])
    const openai = client(server).openai.withOptions(UNMARKED)
    const [outcome] = await outcomes([openai.chat.completions.create(QUESTION)])
    const error = outcome && 'error' in outcome ? outcome.error : undefined
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 500, message: '500 no', requestID: 'r1' })
    expect(server.times).toHaveLength(1)
  })

  test.each([
    [400, OpenAI.BadRequestError],
    [401, OpenAI.AuthenticationError],
    [403, OpenAI.PermissionDeniedError],
    [404, OpenAI.NotFoundError],
    [422, OpenAI.UnprocessableEntityError],
  ] as const)('%d at once', async (status, type) => {
    const { server } = serve([[status]])
    const [outcome] = await outcomes([client(server).openai.chat.completions.create(QUESTION)])
    expect(outcome).toHaveProperty('error')
    expect(outcome && 'error' in outcome && outcome.error).toBeInstanceOf(type)
    expect(server.times).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('429s that do not end come back as a RateLimitError with its headers', async () => {
    const { server } = serve(Array.from({ length: 9 }, () => [429, { 'retry-after': '1' }]))
    const [outcome] = await outcomes([client(server).openai.chat.completions.create(QUESTION)])
    const error =
      outcome && 'error' in outcome ? (outcome.error as InstanceType<typeof OpenAI.RateLimitError>) : undefined
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error?.headers?.get('retry-after')).toBe('1')
    expect(server.times).toHaveLength(4)
  })

  test('a stream: chunk by chunk, with a slot until its end', async () => {
    const { server } = serve([[429, { 'retry-after': '1' }]])
    const { fetch, openai } = client(server, { concurrencyGate: { limit: 1 } })
    const stream = await settled(openai.chat.completions.create({ ...QUESTION, stream: true }))
    expect(fetch.stats(KEY)).toMatchObject({ active: 1 })
    const parts: unknown[] = []
    for await (const chunk of stream) parts.push(chunk.choices[0]?.delta.content)
    expect(parts).toEqual(['hel', 'lo'])
    const next = await settled(openai.chat.completions.create(QUESTION))
    expect(next.id).toBe('c1')
    expect(fetch.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a stream that is broken off gives its slot back', async () => {
    const { server } = serve([])
    const { fetch, openai } = client(server, { concurrencyGate: { limit: 1 } })
    const stream = await settled(openai.chat.completions.create({ ...QUESTION, stream: true }))
    for await (const chunk of stream) if (chunk.id === 'c1') break
    expect((await settled(openai.chat.completions.create(QUESTION))).id).toBe('c1')
    expect(fetch.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test("an abort while waiting is the SDK's own abort error, at once", async () => {
    const { server } = serve([[429, { 'retry-after': '30' }]])
    const { openai } = client(server)
    const controller = new AbortController()
    const call = watch(openai.chat.completions.create(QUESTION, { signal: controller.signal }))
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toBeUndefined()
    controller.abort()
    await vi.advanceTimersByTimeAsync(0)
    expect(call.outcome && 'error' in call.outcome && call.outcome.error).toBeInstanceOf(OpenAI.APIUserAbortError)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(controller.signal)).toBe(0)
  })

  test('a connection that breaks on a GET is mended; on a POST it is an APIConnectionError', async () => {
    const broken = createMockApi({ flaky: { rate: 1, kinds: ['reset'] } })
    const fetch = aplomb({ fetch: broken.fetch })
    const openai = new OpenAI({ apiKey: 'k', baseURL: `${KEY}/v1`, fetch, maxRetries: 0, ...UNMARKED })
    const results = await outcomes([openai.chat.completions.create(QUESTION), openai.get('/lookup/192.0.2.1')])
    for (const one of results) expect('error' in one && one.error).toBeInstanceOf(OpenAI.APIConnectionError)
    expect(broken.stats().requests).toBe(1 + 4)
  })

  test('many at once, at a limit nobody told: all are answered', async () => {
    const { api, server } = serve([], { concurrency: 3, latencyMs: 50, windows: [{ limit: 20, windowMs: 1000 }] })
    const { fetch, openai } = client(server)
    const results = await outcomes(Array.from({ length: 40 }, () => openai.chat.completions.create(QUESTION)))
    expect(results.filter((one) => 'value' in one)).toHaveLength(40)
    expect(api.stats().mostInFlight).toBe(3)
    expect(fetch.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('ky, with fetch: aplomb(), retry: 0, timeout: false', () => {
  const client = (server: ReturnType<typeof serve>['server'], options: AplombOptions = {}) => {
    const fetch = aplomb({ ...options, fetch: server })
    return { fetch, api: ky.create({ fetch, retry: 0, timeout: false, prefix: `${KEY}/v1` }) }
  }

  test('a GET', async () => {
    const { server } = serve([], { flaky: { rate: 0.3, kinds: ['500', '503', 'reset'] } })
    const { api } = client(server)
    const results = await outcomes(
      Array.from({ length: 20 }, (_, i) => api.get(`lookup/192.0.2.${i}`).json<{ ip: string }>()),
    )
    expect(results.map((one) => 'value' in one && one.value.ip)).toEqual(
      Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`),
    )
    expect(server.times.length).toBeGreaterThan(20)
  })

  test('a POST is sent again byte for byte, although ky hands over a Request', async () => {
    const { server, bodies } = serve([[429, { 'retry-after': '1' }]])
    const { api } = client(server)
    const answer = await settled(api.post('chat/completions', { json: QUESTION }).json())
    expect(answer).toEqual(ANSWER)
    expect(bodies).toEqual([QUESTION, QUESTION])
  })

  test('errors are those of ky', async () => {
    const { server } = serve([[422]])
    const [outcome] = await outcomes([client(server).api.post('chat/completions', { json: QUESTION }).json()])
    const error = outcome && 'error' in outcome ? (outcome.error as HTTPError) : undefined
    expect(error).toBeInstanceOf(HTTPError)
    expect(error?.response.status).toBe(422)
    expect(error?.data).toEqual({ error: { message: 'no' } })
  })

  test('an abort while waiting', async () => {
    const { server } = serve([[429, { 'retry-after': '30' }]])
    const controller = new AbortController()
    const call = watch(
      client(server).api.post('chat/completions', { json: QUESTION, signal: controller.signal }).json(),
    )
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toBeUndefined()
    controller.abort()
    await vi.advanceTimersByTimeAsync(0)
    expect(call.outcome).toHaveProperty('error.name', 'AbortError')
    expect(vi.getTimerCount()).toBe(0)
  })
})
