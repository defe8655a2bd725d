import { describe, expect, it } from 'vitest'
import {
  ApiError,
  AuthenticationError,
  BillingError,
  classify,
  classifyResponse,
  ConcurrencyLimitError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  PermissionError,
  QuotaExhaustedError,
  RateLimitError,
  ServerError,
  UnprocessableError,
  unwrap,
  verdictOf,
} from '../src/index.ts'

const json = { 'content-type': 'application/json' }
const caught = async (response: Response | Promise<Response>): Promise<ApiError> => {
  try {
    await unwrap(response)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('`unwrap` gives parsed JSON, null where there is nothing, and text that is not JSON as it is', () => {
  it.each<[string, Response, unknown]>([
    ['JSON', Response.json({ a: 1 }), { a: 1 }],
    ['JSON null', Response.json(null), null],
    ['problem JSON', new Response('[1]', { headers: { 'content-type': 'application/vnd.api+json' } }), [1]],
    ['no content type', new Response(new Uint8Array([49])), 1],
    ['204', new Response(null, { status: 204 }), null],
    ['an empty body', new Response('', { headers: json }), null],
    ['text', new Response('a,b', { headers: { 'content-type': 'text/csv' } }), 'a,b'],
    ['304', new Response(null, { status: 304 }), null],
  ])('%s', async (_, response, value) => expect(await unwrap(response)).toEqual(value))

  it('takes a promise, and rejects as it does', async () => {
    expect(await unwrap<{ a: number }>(Promise.resolve(Response.json({ a: 1 })))).toEqual({ a: 1 })
    const error = new TypeError('fetch failed')
    await expect(unwrap(Promise.reject(error))).rejects.toBe(error)
  })

  it('null for a lookup without a record, whose body is given up', async () => {
    const response = Response.json({ message: 'No record' }, { status: 404 })
    await classify({ lookups: true })(new Request('https://api.example.com/x'), async () => response)
    expect(await unwrap(response)).toBeNull()
    expect(response.bodyUsed).toBe(true)
    expect(await unwrap(Response.json({}, { status: 404 }), { lookups: true })).toBeNull()
  })

  it('JSON that is none is a SyntaxError', async () => {
    await expect(unwrap(new Response('<', { headers: json }))).rejects.toThrow(SyntaxError)
  })
})

describe('each kind of refusal has its error', () => {
  it.each<[number, unknown, typeof ApiError]>([
    [400, {}, InvalidRequestError],
    [422, {}, UnprocessableError],
    [401, {}, AuthenticationError],
    [402, {}, BillingError],
    [403, {}, PermissionError],
    [404, {}, NotFoundError],
    [429, {}, RateLimitError],
    [429, { message: 'Too many concurrent requests' }, ConcurrencyLimitError],
    [429, { code: 'insufficient_quota' }, QuotaExhaustedError],
    [503, {}, OverloadedError],
    [500, {}, ServerError],
    [408, {}, ServerError],
    [409, {}, ApiError],
    [418, {}, ApiError],
  ])('%i %j: $2.name', async (status, body, type) => {
    const error = await caught(Response.json(body, { status }))
    expect(error.constructor).toBe(type)
    expect(error.name).toBe(type.name)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(TypeError)
    expect(error.status).toBe(status)
  })

  it('carries everything, and the response with its body', async () => {
    const headers = { 'retry-after': '30', 'x-request-id': 'req_1' }
    const response = Response.json({ message: 'Slow down.' }, { status: 429, headers })
    const error = await caught(response)
    expect(error).toMatchObject({ message: 'Slow down.', requestId: 'req_1', status: 429 })
    expect(error.verdict).toBe(verdictOf(response))
    expect(error.retryAt).toBe(error.verdict.retryAt)
    expect(error.response).toBe(response)
    expect(await error.response.json()).toEqual({ message: 'Slow down.' })
  })

  it('reads well', async () => {
    const headers = { 'retry-after': '30', 'x-request-id': 'req_1' }
    const response = Response.json({ message: 'Slow down.' }, { status: 429, headers })
    await classifyResponse(response, { receivedAt: Date.parse('2026-01-15T12:00:00Z') })
    expect(String(await caught(response))).toBe(
      'RateLimitError: 429 rate-limited: Slow down. (429, retry-after 30 s; request req_1; retry at 2026-01-15T12:00:30.000Z)',
    )
    expect(String(await caught(new Response(null, { status: 500 })))).toBe('ServerError: 500 server-error (500)')
  })

  it('does not drag the response into logs', async () => {
    const error = await caught(new Response(null, { status: 500 }))
    expect(Object.keys(error)).not.toContain('response')
    expect(JSON.stringify(error)).toContain('server-error')
  })
})
