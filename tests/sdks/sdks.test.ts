import { readFileSync } from 'node:fs'
import { createOpenAI } from '@ai-sdk/openai'
import { respond, type ScriptedAnswer } from '@aplomb/mock-api'
import { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GoogleGenAI } from '@google/genai'
import { Mistral } from '@mistralai/mistralai'
import { HTTPClient } from '@mistralai/mistralai/lib/http'
import { Client as Notion, LogLevel as NotionLogLevel } from '@notionhq/client'
import { Octokit } from '@octokit/core'
import { LogLevel, WebClient } from '@slack/web-api'
import { FetchHttpHandler } from '@smithy/fetch-http-handler'
import { createClient as createSupabase } from '@supabase/supabase-js'
import { createTRPCClient, httpBatchLink } from '@trpc/client'
import { initTRPC } from '@trpc/server'
import { streamText } from 'ai'
import { aplomb, type AplombOptions, type Fetch, rules, verdictOf } from 'aplomb'
import { GraphQLClient } from 'graphql-request'
import OpenAI from 'openai'
import { Stripe } from 'stripe'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { blocksOf } from '../../docs/test/markdown.ts'
import { type Refusal, type Sdk, SDKS } from './sdks.ts'

const serving = ({ served }: Sdk): ScriptedAnswer => ({
  headers: { 'content-type': typeof served === 'string' ? 'text/plain' : 'application/json' },
  body: served,
})

const refusing = ({ status, body }: Refusal, retryAfter?: number): ScriptedAnswer => ({
  status,
  body,
  headers: {
    'content-type': typeof body === 'string' ? 'application/xml' : 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  },
})

const forever = (answer: ScriptedAnswer): ScriptedAnswer => ({ ...answer, times: Infinity })

/** A `fetch` that notes when it was called, in seconds from now. */
const timed = (fetch: Fetch) => {
  const began = Date.now()
  const at: number[] = []
  const noting: Fetch = (input, init) => {
    at.push((Date.now() - began) / 1000)
    return fetch(input, init)
  }
  return { fetch: noting, at }
}

const signalOf = (input: string | URL | Request, init?: RequestInit): AbortSignal | null | undefined =>
  init?.signal ?? (input instanceof Request ? input.signal : undefined)

/** A server that never answers, and the signals that it was asked with. */
const hanging = () => {
  const signals: AbortSignal[] = []
  const fetch: Fetch = (input, init) =>
    new Promise((_, reject) => {
      const signal = signalOf(input, init)
      if (!signal) return
      signals.push(signal)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  return { fetch, signals }
}

/** A server whose answer is events, sent one at a time, and whether its client has gone. */
const streaming = () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let gone = false
  const encoder = new TextEncoder()
  const fetch: Fetch = async (input, init) => {
    const body = new ReadableStream<Uint8Array>({
      start: (own) => void (controller = own),
      cancel: () => void (gone = true),
    })
    const signal = signalOf(input, init)
    signal?.addEventListener('abort', () => {
      gone = true
      controller?.error(signal.reason)
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return {
    fetch,
    send: (event: string) => void (gone || controller?.enqueue(encoder.encode(event))),
    end: () => void (gone || controller?.close()),
    isGone: () => gone,
  }
}

/** The Response that an error has somewhere. */
const responseOf = (error: unknown, depth = 3): Response | undefined => {
  if (error instanceof Response) return error
  if (typeof error !== 'object' || error === null || depth === 0) return undefined
  const members = Object.getOwnPropertyNames(error).map((name) => (error as Record<string, unknown>)[name])
  return members.map((member) => responseOf(member, depth - 1)).find((one) => one !== undefined)
}

/** Lets time pass until a call ends: with what, and after how many seconds. */
const ending = async (call: Promise<unknown>) => {
  const began = Date.now()
  const ends: { value?: unknown; error?: unknown; after: number }[] = []
  const after = (): number => (Date.now() - began) / 1000
  call.then(
    (value) => ends.push({ value, after: after() }),
    (error: unknown) => ends.push({ error, after: after() }),
  )
  while (ends.length === 0) await vi.advanceTimersByTimeAsync(500)
  return ends[0]!
}

beforeAll(async () => {
  // What they load with their first call takes real time.
  for (const sdk of SDKS) await sdk.call(respond(serving(sdk)))
})

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  // The platform's own runs on the real clock.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), ms)
    return controller.signal
  })
})
afterEach(() => void vi.useRealTimers())

describe.each(SDKS)('$name', (sdk) => {
  const { call, options, result, limited, spent } = sdk
  const through = (inner: Fetch): Fetch => aplomb({ ...options, fetch: inner })

  it('is set up as the program on its page', () => {
    const [program] = blocksOf(
      readFileSync(new URL(`../../docs/sdks/${sdk.page}.md`, import.meta.url), 'utf8'),
      sdk.page,
    )
    const said = Number(/timeoutMs: ([\d_]+)/.exec(program?.code ?? '')?.[1]?.replaceAll('_', ''))
    const isAll = program?.code.includes("repeatable: 'all'") ?? false
    expect({ timeoutMs: said, isAll }).toEqual({ timeoutMs: options.timeoutMs, isAll: options.repeatable === 'all' })
  })

  it('is answered as without aplomb, by one request', async () => {
    const api = respond(serving(sdk))
    expect(await ending(call(through(api)))).toMatchObject({ value: result })
    expect(api.calls).toBe(1)
  })

  it('its own retries are off: a server that always fails gets what the page says', async () => {
    const failing = forever({ status: 500, body: { error: { message: 'broken' }, message: 'broken' } })
    const alone = respond(failing)
    await ending(call(alone, undefined, true))
    expect(alone.calls).toBe(sdk.alone)
    const api = respond(failing)
    const { error } = await ending(call(through(api)))
    expect({ sent: api.calls, error }).toEqual({ sent: sdk.sent, error: expect.any(Error) })
  })

  it('the wait of a refusal is obeyed', async () => {
    const api = respond(refusing(limited, 20), serving(sdk))
    const { fetch, at } = timed(api)
    expect((await ending(call(through(fetch)))).value).toEqual(result)
    expect(at).toHaveLength(2)
    expect(at[1]).toBeGreaterThanOrEqual(20)
  })

  it('a wait that is too long is not waited for: the error of the library, at once', async () => {
    const api = respond(refusing(limited, 100))
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(limited.error)
    expect({ after, sent: api.calls }).toEqual({ after: 0, sent: 1 })
    const response = responseOf(error)
    expect(response !== undefined).toBe(sdk.keepsResponse)
    if (response) expect(verdictOf(response)).toMatchObject({ kind: 'rate-limited', retryAfterMs: 100_000 })
  })

  it('where money or an allowance is missing: the error of the library, at once', async () => {
    const api = respond(refusing(spent))
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(spent.error)
    expect({ after, sent: api.calls }).toEqual({ after: 0, sent: 1 })
  })

  it('our time limit comes before its own: the last answer of the server, not a time-out', async () => {
    const answeredAt = options.timeoutMs - 20_000
    const api = respond({ ...refusing(limited, 30), delayMs: answeredAt })
    const { error, after } = await ending(call(through(api)))
    expect(error).toMatchObject(limited.error)
    expect(after * 1000).toBe(answeredAt)
  })

  it('a server that says nothing: our time limit ends the call and its request', async () => {
    const { fetch, signals } = hanging()
    const { error, after } = await ending(call(through(fetch)))
    expect(error).toMatchObject(sdk.timedOut)
    expect(after).toBe(options.timeoutMs / 1000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it.runIf(sdk.limitMs)('without ours, its own ends the call', async () => {
    const { after } = await ending(call(aplomb({ ...options, timeoutMs: undefined, fetch: hanging().fetch })))
    expect(after * 1000).toBe(sdk.limitMs)
  })

  it.runIf(sdk.aborts)('an abort ends a request that is under way', async () => {
    const { fetch, signals } = hanging()
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 1000)
    expect(await ending(call(through(fetch), caller.signal))).toEqual({ error: expect.any(Error), after: 1 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it.runIf(sdk.aborts)('an abort ends a wait, and nothing is sent any more', async () => {
    const api = respond(refusing(limited, 20))
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 5000)
    expect(await ending(call(through(api), caller.signal))).toEqual({ error: expect.any(Error), after: 5 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(api.calls).toBe(1)
  })
})

describe.each(SDKS.flatMap(({ stream, ...sdk }) => (stream ? [{ ...sdk, stream }] : [])))(
  'a stream of $name',
  ({ stream, options, limited, aborts }) => {
    it('comes event by event, after a refusal, too', async () => {
      const { fetch, send, end } = streaming()
      const refused = respond(refusing(limited, 20))
      const inner: Fetch = (input, init) => (refused.calls === 0 ? refused : fetch)(input, init)
      const pieces: unknown[] = []
      const read = async (): Promise<void> => {
        for await (const piece of await stream.open(aplomb({ ...options, fetch: inner }))) pieces.push(piece)
      }
      const reading = read()
      await vi.advanceTimersByTimeAsync(30_000)
      const seen: number[] = []
      for (const event of stream.events) {
        send(event)
        await vi.advanceTimersByTimeAsync(1)
        seen.push(pieces.length)
      }
      end()
      await ending(reading)
      expect(pieces).toEqual(stream.pieces)
      // The first was read before the second was sent.
      expect(seen).toContain(1)
    })

    it.runIf(aborts)('ends with an abort, for the server, too', async () => {
      const { fetch, send, isGone } = streaming()
      const caller = new AbortController()
      const read = async (): Promise<void> => {
        for await (const _ of await stream.open(aplomb({ ...options, fetch }), caller.signal)) caller.abort()
      }
      const reading = ending(read())
      for (const event of stream.events) {
        send(event)
        await vi.advanceTimersByTimeAsync(1)
      }
      await reading
      expect(isGone()).toBe(true)
    })
  },
)

describe('what single pages say', () => {
  const OVERLOADED = { status: 529, body: { object: 'error', status: 529, code: 'service_overload', message: 'busy' } }
  const PAGE = { object: 'page', id: 'p1' }
  const notion = (fetch: Fetch, retry?: false): Notion =>
    new Notion({ auth: 'k', fetch: fetch as never, logLevel: NotionLogLevel.ERROR, ...(retry === false && { retry }) })

  it('ai: a refusal of a stream comes to onError, and the text just ends', async () => {
    const api = respond(forever({ status: 402, body: { error: { message: 'pay' } } }))
    const model = createOpenAI({ apiKey: 'k', fetch: aplomb({ fetch: api }) }).chat('m')
    const errors: unknown[] = []
    const { textStream } = streamText({
      model,
      prompt: 'hi',
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    })
    const texts: string[] = []
    for await (const text of textStream) texts.push(text)
    expect({ texts, errors }).toMatchObject({ texts: [], errors: [{ name: 'AI_APICallError', statusCode: 402 }] })
  })

  it('Google Gen AI: the wait of a refusal in its body is obeyed', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '38s' }]
    const error = { code: 429, message: 'Slow down.', status: 'RESOURCE_EXHAUSTED', details }
    const { fetch, at } = timed(respond({ status: 429, body: { error } }, { body: { candidates: [] } }))
    const ai = new GoogleGenAI({ apiKey: 'k', httpOptions: { fetch: aplomb({ fetch, repeatable: 'all' }) } })
    await ending(ai.models.generateContent({ model: 'm', contents: 'hi' }))
    expect(at).toHaveLength(2)
    expect(at[1]).toBeGreaterThanOrEqual(38)
  })

  it('Mistral: a signal of the caller takes the place of its time limit', async () => {
    const mistral = new Mistral({ apiKey: 'k', httpClient: new HTTPClient({ fetcher: hanging().fetch }) })
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 400_000)
    const request = { model: 'm', messages: [] }
    expect((await ending(mistral.chat.complete(request, { fetchOptions: { signal: caller.signal } }))).after).toBe(400)
  })

  it('Notion: its time limit ends the call, not what is sent', async () => {
    const api = respond(refusing({ ...OVERLOADED, error: {} }, 50), refusing({ ...OVERLOADED, error: {} }, 50), {
      body: PAGE,
    })
    const call = notion(aplomb({ fetch: api }), false).pages.retrieve({ page_id: 'p' })
    expect(await ending(call)).toMatchObject({ error: { name: 'RequestTimeoutError' }, after: 60 })
    expect(api.calls).toBe(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(api.calls).toBe(3)
  })

  it('Notion: a POST is sent again after an overload by itself, with aplomb where one says so', async () => {
    const sent = async (client: (fetch: Fetch) => Notion): Promise<number> => {
      const api = respond(refusing({ ...OVERLOADED, error: {} }, 5), { body: PAGE })
      await ending(client(api).pages.create({ parent: { page_id: 'p' }, properties: {} }))
      return api.calls
    }
    expect(await sent((fetch) => notion(fetch))).toBe(2)
    expect(await sent((fetch) => notion(aplomb({ fetch }), false))).toBe(1)
    expect(await sent((fetch) => notion(aplomb({ fetch, repeatable: 'all' }), false))).toBe(2)
  })

  it('Octokit: the 403 of a secondary limit is waited for where that is safe, or where one says so', async () => {
    const secondary = refusing(
      { status: 403, body: { message: 'You have exceeded a secondary rate limit.' }, error: {} },
      20,
    )
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const sent = async (route: string, options: AplombOptions = {}): Promise<number> => {
      const api = respond(secondary, { body: {} })
      await ending(new Octokit({ request: { fetch: aplomb({ ...options, fetch: api }) }, log }).request(route))
      return api.calls
    }
    expect(await sent('GET /repos/a/b')).toBe(2)
    expect(await sent('POST /repos/a/b/issues')).toBe(1)
    expect(await sent('POST /repos/a/b/issues', { repeatable: 'all' })).toBe(2)
  })

  it('Octokit: a window that is used up is waited for until its reset', async () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 20) }
    const spent = { status: 403, headers, body: { message: 'API rate limit exceeded for user ID 1.' } }
    const { fetch, at } = timed(respond(spent, { body: {} }))
    const octokit = new Octokit({ request: { fetch: aplomb({ fetch }) } })
    await ending(octokit.request('GET /repos/a/b'))
    expect(at).toHaveLength(2)
    expect(at[1]).toBeGreaterThanOrEqual(20)
  })

  it('Supabase: our time limit is an error that says so', async () => {
    const fetch = aplomb({ timeoutMs: 60_000, fetch: hanging().fetch })
    const auth = { persistSession: false, autoRefreshToken: false }
    const supabase = createSupabase('https://demo.supabase.co', 'key', {
      auth,
      global: { fetch },
      db: { retry: false },
    })
    const { value } = await ending(Promise.resolve(supabase.from('items').select()))
    expect(value).toMatchObject({ error: { message: expect.stringMatching(/^TimeoutError/) }, status: 0 })
  })

  it('S3: a body that is too large to be kept is sent once', async () => {
    const sent = async (options: AplombOptions): Promise<number> => {
      const api = respond(forever({ status: 500, body: '<Error/>' }))
      const s3 = new S3Client({
        region: 'us-east-1',
        credentials: { accessKeyId: 'k', secretAccessKey: 's' },
        requestHandler: new FetchHttpHandler({ customFetch: aplomb({ ...options, fetch: api }) }),
        maxAttempts: 1,
      })
      const command = new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: new Uint8Array(2 ** 21) })
      await ending(s3.send(command))
      return api.calls
    }
    expect(await sent({})).toBe(1)
    expect(await sent({ replayLimitBytes: 2 ** 22 })).toBe(4)
  })

  it('S3: a POST is sent again by itself, with aplomb where one says so', async () => {
    const sent = async (client: (fetch: Fetch) => Fetch, maxAttempts?: number): Promise<number> => {
      const api = respond(forever({ status: 500, body: '<Error/>' }))
      const s3 = new S3Client({
        region: 'us-east-1',
        credentials: { accessKeyId: 'k', secretAccessKey: 's' },
        requestHandler: new FetchHttpHandler({ customFetch: client(api) }),
        ...(maxAttempts && { maxAttempts }),
      })
      await ending(s3.send(new DeleteObjectsCommand({ Bucket: 'b', Delete: { Objects: [{ Key: 'k' }] } })))
      return api.calls
    }
    expect(await sent((fetch) => fetch)).toBe(3)
    expect(await sent((fetch) => aplomb({ fetch }), 1)).toBe(1)
    expect(await sent((fetch) => aplomb({ fetch, repeatable: 'all' }), 1)).toBe(4)
  })

  it('S3: what is fetched is a stream of the platform', async () => {
    const s3 = new S3Client({
      region: 'us-east-1',
      credentials: { accessKeyId: 'k', secretAccessKey: 's' },
      requestHandler: new FetchHttpHandler({ customFetch: aplomb({ fetch: respond({ body: 'text' }) }) }),
      maxAttempts: 1,
    })
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }))
    expect(Body).toBeInstanceOf(ReadableStream)
    expect(await Body?.transformToString()).toBe('text')
  })

  it('graphql-request: a query is repeated, also for a limit inside a 200, where a rule finds it', async () => {
    const throttled = { body: { errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }] } }
    const sent = async (first: ScriptedAnswer, options: AplombOptions = {}): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      const api = respond({ ...first, headers }, { body: { data: { a: 1 } }, headers })
      const client = new GraphQLClient('https://api.test/graphql', { fetch: aplomb({ ...options, fetch: api }) })
      await ending(client.request('{ a }'))
      return api.calls
    }
    expect(await sent({ status: 500, body: {} })).toBe(2)
    expect(await sent(throttled)).toBe(1)
    expect(await sent(throttled, { classify: { rules: [rules.graphql] } })).toBe(2)
  })

  it('Slack: a limit inside a 200 is found by a rule', async () => {
    const sent = async (options: AplombOptions = {}): Promise<number> => {
      const api = respond({ body: { ok: false, error: 'ratelimited' } }, { body: { ok: true } })
      const client = new WebClient('xoxb-1', {
        fetch: aplomb({ ...options, fetch: api }),
        logLevel: LogLevel.ERROR,
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
      })
      await ending(client.apiCall('chat.postMessage', { channel: 'c', text: 'hi' }))
      return api.calls
    }
    expect(await sent()).toBe(1)
    expect(await sent({ classify: { rules: [rules.slack] } })).toBe(2)
  })

  it('Stripe: a key in use is sent again, as the server asks for it', async () => {
    const inUse = {
      status: 409,
      headers: { 'stripe-should-retry': 'true' },
      body: { error: { type: 'idempotency_error', code: 'idempotency_key_in_use', message: 'In use.' } },
    }
    const api = respond(inUse, { body: { id: 'cus_1' } })
    const httpClient = Stripe.createFetchHttpClient(aplomb({ fetch: api }))
    const stripe = new Stripe('sk_test_1', { httpClient, telemetry: false, maxNetworkRetries: 0 })
    expect((await ending(stripe.customers.create({}))).value).toMatchObject({ id: 'cus_1' })
    const keys = api.requests.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toEqual([expect.any(String), keys[0]])
  })

  it('tRPC: a query is repeated, a batch as a whole', async () => {
    const { router, procedure } = initTRPC.create()
    const app = router({ one: procedure.query(() => 1), two: procedure.query(() => 2) })
    const api = respond(503, { body: [{ result: { data: 1 } }, { result: { data: 2 } }] })
    const link = httpBatchLink({ url: 'https://api.test/trpc', fetch: aplomb({ fetch: api }) as never })
    const client = createTRPCClient<typeof app>({ links: [link] })
    expect((await ending(Promise.all([client.one.query(), client.two.query()]))).value).toEqual([1, 2])
    expect(api.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/trpc/one,two', '/trpc/one,two'])
  })

  it('OpenAI: the Response of a call that is answered has its verdict', async () => {
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1s',
    }
    const fetch = aplomb({ fetch: respond({ body: { id: 'c1' }, headers }) })
    const client = new OpenAI({ apiKey: 'k', fetch, maxRetries: 0 })
    const { response } = await client.chat.completions.create({ model: 'm', messages: [] }).withResponse()
    expect(verdictOf(response).limits.windows).toMatchObject([{ limit: 60, remaining: 59 }])
  })
})
