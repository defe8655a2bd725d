import { callOf, compose, createFetch, type Next } from '@aplomb/pipeline'
import { describe, expect, it, vi } from 'vitest'
import { classify, classifyResponse, type Rule, rules, verdictOf } from '../src/index.ts'

const url = 'https://api.example.com/v1/lookup/192.0.2.1'
const request = (): Request => new Request(url)
const answer =
  (status: number, body: string | null = null, headers: Record<string, string> = {}): Next =>
  async () =>
    new Response(body, { status, headers })

describe('`classify` hands the answer on untouched, with a verdict for everybody above', () => {
  it('bare', async () => {
    const response = new Response('{"code":"insufficient_quota"}', { status: 429 })
    const answered = await classify()(request(), async () => response)
    expect(answered).toBe(response)
    expect(verdictOf(answered)).toMatchObject({ kind: 'quota-exhausted' })
  })

  it('in a pipeline', async () => {
    const fetch = createFetch([classify({ lookups: '/v1/lookup/:ip' })], {
      fetch: async () => new Response(null, { status: 404 }),
    })
    expect(verdictOf(await fetch(url))).toMatchObject({ kind: 'empty', action: 'use' })
    expect(verdictOf(await fetch('https://api.example.com/v1/other'))).toMatchObject({ kind: 'missing' })
  })

  it('below other middlewares, which see the verdict', async () => {
    const kinds: string[] = []
    const watch = compose(async (sent, next) => {
      const response = await next(sent)
      kinds.push(verdictOf(response).kind)
      return response
    }, classify())
    await watch(request(), answer(429, 'Maximum concurrent jobs has been exceeded.'))
    expect(kinds).toEqual(['concurrency-limited'])
  })

  it('knows the host from the request', async () => {
    const sent = new Request('https://api.scrape.do/?url=x')
    expect(verdictOf(await classify()(sent, answer(429)))).toMatchObject({ kind: 'concurrency-limited' })
  })

  it('rejects as the inner fetch does', async () => {
    const error = new TypeError('fetch failed')
    await expect(classify()(request(), () => Promise.reject(error))).rejects.toBe(error)
  })

  it('two instances share no options, and a response keeps the first verdict', async () => {
    const response = new Response(null, { status: 404 })
    await classify({ lookups: true })(request(), async () => response)
    expect(verdictOf(await classify()(request(), async () => response))).toMatchObject({ kind: 'empty' })
    expect(verdictOf(await classify()(request(), answer(404)))).toMatchObject({ kind: 'missing' })
  })

  it('an abort while the body is read rejects at once with the reason', async () => {
    const controller = new AbortController()
    const never = new Response(new ReadableStream(), { status: 500 })
    const fetch = createFetch([classify()], { fetch: async () => never })
    const call = fetch(url, { signal: controller.signal })
    await new Promise(setImmediate)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(callOf(request())).toBeUndefined()
  })
})

describe('on a lookup route 404 means that there is no record', () => {
  const kindAt = async (path: string, lookups: Parameters<typeof classify>[0]): Promise<string> =>
    verdictOf(await classify(lookups)(new Request(`https://api.example.com${path}`), answer(404))).kind

  it.each<[string, string, boolean]>([
    ['/v1/lookup/:ip', '/v1/lookup/192.0.2.1', true],
    ['/v1/lookup/:ip', '/v1/lookup/192.0.2.1/', true],
    ['/v1/lookup/:ip/', '/v1/lookup/192.0.2.1?x=1', true],
    ['/v1/lookup/:ip', '/v1/lookup/', false],
    ['/v1/lookup/:ip', '/v1/lookup', false],
    ['/v1/lookup/:ip', '/v1/lookup/a/b', false],
    ['/v1/lookup/:ip', '/v2/lookup/a', false],
    ['/v1/*', '/v1/a', true],
    ['/v1/*', '/v1/a/b/c', true],
    ['/v1/*', '/v1', false],
    ['/*/users/:id', '/a/b/users/7', true],
    ['/*/users/:id', '/users/7', false],
    ['/a.b', '/axb', false],
    ['/', '/', true],
  ])('%s and %s: %s', async (lookups, path, matches) => {
    expect(await kindAt(path, { lookups })).toBe(matches ? 'empty' : 'missing')
  })

  it('for several patterns, for all routes, and by a function', async () => {
    expect(await kindAt('/b', { lookups: ['/a', '/b'] })).toBe('empty')
    expect(await kindAt('/b', { lookups: true })).toBe('empty')
    expect(await kindAt('/b', { lookups: false })).toBe('missing')
    expect(await kindAt('/b', { lookups: (one) => one.url.endsWith('/b') })).toBe('empty')
  })

  it('only 404, and a function that throws says no', async () => {
    const boom = (): boolean => {
      throw new Error('boom')
    }
    expect(await kindAt('/b', { lookups: boom })).toBe('missing')
    expect(verdictOf(await classify({ lookups: true })(request(), answer(410)))).toMatchObject({ kind: 'missing' })
  })

  it('many wildcards are not slow', async () => {
    const start = performance.now()
    expect(await kindAt(`/${'a/'.repeat(60)}b`, { lookups: `${'/*'.repeat(20)}/c` })).toBe('missing')
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('rules come first, and may ask for the body of a success', () => {
  const rule: Rule = {
    name: 'mine',
    reads: ({ url: asked }) => asked.includes('/v1/lookup/'),
    judge: ({ json }) => {
      const { state } = json as { state?: string }
      return state === 'busy' ? { kind: 'overloaded', sign: 'state busy', message: 'Busy', retryAfterMs: 5 } : undefined
    },
  }

  it('sees successes it asks for, and all errors', async () => {
    const expected = { kind: 'overloaded', message: 'Busy', retryAfterMs: 5, retryable: true }
    for (const status of [200, 400]) {
      const response = await classify({ rules: [rule] })(request(), answer(status, '{"state":"busy"}'))
      expect(verdictOf(response)).toMatchObject({ ...expected, evidence: `${status}, mine: state busy` })
    }
  })

  it('leaves the rest to others', async () => {
    const response = await classify({ rules: [rule] })(request(), answer(200, '{"state":"fine"}'))
    expect(verdictOf(response)).toMatchObject({ kind: 'ok' })
    expect(await response.json()).toEqual({ state: 'fine' })
  })

  it('one that throws decides nothing', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const broken: Rule = {
      name: 'broken',
      judge: () => {
        throw new Error('oops')
      },
    }
    const response = await classify({ rules: [broken] })(request(), answer(402, '{}'))
    expect(verdictOf(response)).toMatchObject({ kind: 'billing', evidence: '402' })
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      'aplomb: rule broken: judge failed; it says nothing:',
      new Error('oops'),
    )
  })
})

describe('the ready-made rules find limits inside a 200', () => {
  const judge = (
    rule: Rule,
    body: unknown,
    type = 'application/json',
    headers: Record<string, string> = {},
  ): ReturnType<typeof classifyResponse> =>
    classifyResponse(
      new Response(typeof body === 'string' ? body : JSON.stringify(body), {
        headers: { 'content-type': type, ...headers },
      }),
      { rules: [rule] },
    )
  const graphqlError = (code: string, message = 'x y'): unknown => ({
    data: null,
    errors: [{ message, extensions: { code } }],
  })

  it.each<[string, Rule, unknown, string]>([
    [
      'GitHub',
      rules.graphql,
      { errors: [{ type: 'RATE_LIMITED', message: 'API rate limit exceeded' }] },
      'rate-limited',
    ],
    ['Linear', rules.graphql, graphqlError('RATELIMITED'), 'rate-limited'],
    ['monday', rules.graphql, graphqlError('COMPLEXITY_BUDGET_EXHAUSTED'), 'rate-limited'],
    ['monday', rules.graphql, graphqlError('maxConcurrencyExceeded'), 'concurrency-limited'],
    ['a quota', rules.graphql, graphqlError('DAILY_LIMIT_EXCEEDED'), 'quota-exhausted'],
    ['Apollo', rules.graphql, graphqlError('UNAUTHENTICATED'), 'unauthenticated'],
    ['Apollo', rules.graphql, graphqlError('FORBIDDEN'), 'forbidden'],
    ['another error', rules.graphql, graphqlError('BAD_USER_INPUT'), 'ok'],
    [
      'data that speaks of limits',
      rules.graphql,
      { data: { code: 'RATE_LIMITED', message: 'rate limit exceeded' } },
      'ok',
    ],
    [
      'data beside an error',
      rules.graphql,
      { data: { code: 'RATE_LIMITED' }, errors: [{ message: 'no such field' }] },
      'ok',
    ],
    ['Shopify', rules.shopify, graphqlError('THROTTLED', 'Throttled'), 'rate-limited'],
    ['Shopify', rules.shopify, { errors: [{ message: 'Throttled' }] }, 'rate-limited'],
    ['Shopify', rules.shopify, graphqlError('MAX_COST_EXCEEDED'), 'invalid'],
    ['Shopify', rules.shopify, { data: {} }, 'ok'],
    ['Google Maps', rules.googleMaps, { status: 'OVER_QUERY_LIMIT' }, 'rate-limited'],
    ['Google Maps', rules.googleMaps, { status: 'OVER_DAILY_LIMIT' }, 'quota-exhausted'],
    ['Google Maps', rules.googleMaps, { status: 'REQUEST_DENIED' }, 'unauthenticated'],
    ['Google Maps', rules.googleMaps, { status: 'INVALID_REQUEST' }, 'invalid'],
    ['Google Maps', rules.googleMaps, { status: 'UNKNOWN_ERROR' }, 'server-error'],
    ['Google Maps', rules.googleMaps, { status: 'ZERO_RESULTS' }, 'ok'],
    ['Google Maps', rules.googleMaps, { status: '__proto__' }, 'ok'],
    ['Slack', rules.slack, { ok: false, error: 'ratelimited' }, 'rate-limited'],
    ['Slack', rules.slack, { ok: false, error: 'invalid_auth' }, 'unauthenticated'],
    ['Slack', rules.slack, { ok: false, error: 'missing_scope' }, 'forbidden'],
    ['Slack', rules.slack, { ok: false, error: 'internal_error' }, 'server-error'],
    ['Slack', rules.slack, { ok: false, error: 'too_long' }, 'invalid'],
    ['Slack', rules.slack, { ok: true, error: 'ratelimited' }, 'ok'],
    ['MediaWiki', rules.errorBody, { error: { code: 'ratelimited', info: 'wait' } }, 'rate-limited'],
    ['SerpApi', rules.errorBody, { error: 'Your account has run out of searches.' }, 'quota-exhausted'],
    ['another error', rules.errorBody, { error: 'No results for this query.' }, 'ok'],
    ['a result about limits', rules.errorBody, { message: 'Rate limit exceeded, a song', error: null }, 'ok'],
  ])('%s: %#', async (_, rule, body, kind) => {
    expect(await judge(rule, body)).toMatchObject({ kind, status: 200 })
  })

  it('S3: an error in XML', async () => {
    const xml =
      '<?xml version="1.0"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
    expect(await judge(rules.errorBody, xml, 'application/xml')).toMatchObject({ kind: 'rate-limited' })
    expect(await judge(rules.errorBody, '<CopyObjectResult/>', 'application/xml')).toMatchObject({ kind: 'ok' })
  })

  it('server-sent events that end in an error', async () => {
    const stream =
      'event: start\ndata: {"type":"start"}\n\nevent: error\ndata: {"type":"error","code":"rate_limit_exceeded","message":"Slow down."}\n\n'
    const headers = { 'retry-after': '4' }
    expect(await judge(rules.eventStream, stream, 'text/event-stream; charset=utf-8', headers)).toMatchObject({
      kind: 'rate-limited',
      message: 'Slow down.',
      retryAfterMs: 4000,
      refused: true,
    })
    const fine = 'data: {"text":"an error: rate_limit_exceeded"}\n\ndata: [DONE]\n\n'
    expect(await judge(rules.eventStream, fine, 'text/event-stream')).toMatchObject({ kind: 'ok' })
  })

  it.each([
    ['data: {"error":{"code":"rate_limit_exceeded"}}\n\n', 'rate-limited'],
    ['data: { "x": 1 }\r\n\r\nevent:error\r\ndata: {"code":\r\ndata: "rate_limit_exceeded"}\r\n\r\n', 'rate-limited'],
    ['event: error\n\n', 'ok'],
    ['event: errors\ndata: {"code":"rate_limit_exceeded"}\n\n', 'ok'],
    ['data: {"text":{"error":1},"code":"rate_limit_exceeded"}\n\n', 'ok'],
  ])('of a stream that is %j: %s', async (stream, kind) => {
    expect(await judge(rules.eventStream, stream, 'text/event-stream')).toMatchObject({ kind })
  })

  it('the message of an outcome, where it has one', async () => {
    const over = { status: 'OVER_QUERY_LIMIT', error_message: 'Slow down.' }
    expect(await judge(rules.googleMaps, over)).toMatchObject({ message: 'Slow down.' })
  })

  it.each([204, 299])('with status %i only where there is a body', async (status) => {
    const head = {
      status,
      url: '',
      header: () => 'application/json',
      limits: { windows: [] },
    }
    expect(rules.graphql.reads?.(head)).toBe(status !== 204)
    expect(rules.graphql.reads?.({ ...head, status: 300 })).toBe(false)
    expect(rules.graphql.reads?.({ ...head, status: 199 })).toBe(false)
  })

  it('Shopify’s wait and points', async () => {
    const throttleStatus = { maximumAvailable: 2000, currentlyAvailable: 2, restoreRate: 100 }
    const cost = { requestedQueryCost: 152, actualQueryCost: null, throttleStatus }
    const body = { errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }], extensions: { cost } }
    const verdict = await judge(rules.shopify, body)
    expect(verdict).toMatchObject({ retryAfterMs: 1500, limits: { windows: [{ limit: 2000, remaining: 2 }] } })
  })

  it('none of them reads another content type', async () => {
    const response = new Response('x', { headers: { 'content-type': 'text/html' } })
    for (const rule of Object.values(rules)) {
      const head = {
        status: 200,
        url: '',
        header: (name: string) => response.headers.get(name) ?? undefined,
        limits: { windows: [] },
      }
      expect(rule.reads?.(head)).toBe(false)
    }
  })
})

describe('an option that makes no sense is refused at once', () => {
  it.each<[Parameters<typeof classify>[0], string]>([
    [{ peekBytes: -1 }, 'classify: peekBytes must be a number of bytes, 0 or more and at most 2147483647, got -1'],
    [
      { peekBytes: Number.NaN },
      'classify: peekBytes must be a number of bytes, 0 or more and at most 2147483647, got NaN',
    ],
    [
      { peekTimeoutMs: 0 },
      'classify: peekTimeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got 0',
    ],
    [
      { lookups: 'v1' },
      'classify: lookups must be true or false, a path that begins with "/", a list of such or a function, got \'v1\'',
    ],
    [
      { lookups: 5 as never },
      'classify: lookups must be true or false, a path that begins with "/", a list of such or a function, got 5',
    ],
    [{ rules: {} as never }, 'classify: rules must be a list of rules, got object'],
    [{ rules: [{ name: 'x' } as never] }, 'classify: rules[0].judge must be a function, got undefined'],
  ])('%j', (options, message) => expect(() => classify(options)).toThrow(message))
})
