// An application as its author would write it. It is compiled, never run.
import { alert } from '@aplomb/alert'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify, RateLimitError, unwrap, verdictOf } from '@aplomb/classify'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { creditMeter } from '@aplomb/credit-meter'
import { kyHooks, kyOptions } from '@aplomb/ky'
import { readLimits } from '@aplomb/limits'
import { llm } from '@aplomb/llm'
import { log } from '@aplomb/log'
import { createMockApi, respond } from '@aplomb/mock-api'
import { openai } from '@aplomb/mock-api/profiles'
import { otel } from '@aplomb/otel'
import { callOf, compose, createFetch, type Fetch, middleware, type Middleware } from '@aplomb/pipeline'
import { describeError, redaction } from '@aplomb/redact'
import { type Client, fleet, memoryEngine, redis, upstash } from '@aplomb/redis'
import { retryAfter } from '@aplomb/retry-after'
import { aplomb } from 'aplomb'
import ky from 'ky'

/** What client libraries ask for. */
interface ClientOptions {
  readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
}

const sign: Middleware = async (request, next) => {
  const headers = new Headers(request.headers)
  headers.set('x-attempt', String(callOf(request)?.attempt ?? 0))
  return next(new Request(request, { headers }))
}

const stamp = middleware('stamp', async (request, next, call) => {
  const response = await next(request)
  call.giveUp('stamp', response.statusText)
  return response
})

/** A fetch of the platform is one of ours, and ours is one for a client. */
const inner: Fetch = fetch
const alerts = alert({ to: ({ message }) => message, errorRate: false })
export const client: ClientOptions = { fetch: aplomb({ fetch, use: [sign, stamp], observe: [alerts, otel()] }) }

export const clients = [ky.create(kyOptions({ retry: 3 })), ky.extend({ hooks: kyHooks({ observe: [alerts] }) })]

/** Whatever client of Redis the application brings. */
export const shared = (engine: Client): Fetch[] => [
  aplomb({ store: redis(engine, { namespace: 'geocoder' }) }),
  aplomb({ store: fleet(memoryEngine()) }),
  aplomb({ store: upstash({ url: 'https://redis.example.com', token: 'secret' }) }),
]

export const models: Fetch = aplomb({ weight: llm({ tokens: (text, model) => text.length / model.length }) })

export const pipeline: Fetch = createFetch(
  [compose(log(), backoffJitter()), concurrencyGate(), retryAfter(), creditMeter(), classify()],
  { fetch: inner, timeoutMs: 1000, onEvent: (event) => event.type },
)

export const lookUp = async (url: URL, signal: AbortSignal): Promise<string | undefined> => {
  const response = await pipeline(url, {
    method: 'POST',
    body: JSON.stringify({ url }),
    headers: [['accept', '*/*']],
    signal,
  })
  if (!response.ok) return verdictOf(response).evidence
  try {
    const { city } = (await unwrap<{ city: string }>(response)) ?? { city: undefined }
    return city
  } catch (error) {
    if (error instanceof RateLimitError) return `${error.status} ${error.response.headers.get('retry-after')}`
    throw error
  }
}

export const waitMs: number | undefined = readLimits(new Headers({ 'retry-after': '1' })).retryAfterMs
export const api = createMockApi({ concurrency: 3 })
export const vendor = createMockApi({ profile: openai })
export const answers: Fetch = aplomb({ fetch: api.fetch })
export const scripted = respond(503, 200)
const redactor = redaction()(new Request('https://user:secret@api.example.com/'), 'api')
export const hidden: string = redactor.text(describeError(new Error('secret'), redactor).message)
