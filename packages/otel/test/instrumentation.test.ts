import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { propagation } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { backoffJitter } from '@aplomb/backoff-jitter'
import type { Fetch } from '@aplomb/pipeline'
import { traced, withContextManager, type Sdk } from './sdk.ts'

const QUERY = 'plantedInQuery7Zt41'
const PATH = 'sk-plantedInPath7Zt41abcdefgh'
const HEADER = 'plantedInHeader7Zt41'
const USER = 'plantedInUserinfo7Zt41'
const PLANTED = [QUERY, PATH, HEADER, USER]

let server: Server
let origin: string
let arrived: IncomingHttpHeaders[]
let instrumentation: UndiciInstrumentation
let stop: (() => void)[]

beforeEach(async () => {
  arrived = []
  server = createServer((request, response) => {
    arrived.push(request.headers)
    const { pathname } = new URL(request.url ?? '/', origin)
    if (pathname === '/moved') response.writeHead(302, { location: `/there?apiKey=${QUERY}` }).end()
    else if (pathname === '/broken' && arrived.length === 1) response.socket?.destroy()
    else if (pathname === '/refused') response.writeHead(401, { 'x-said': HEADER }).end(`Unknown key ${QUERY}`)
    else response.end('{}')
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  // As the registration of all instrumentations does, and then as chatty as it can be told to be.
  instrumentation = new UndiciInstrumentation({
    headersToSpanAttributes: { requestHeaders: ['authorization', 'cookie'], responseHeaders: ['x-said'] },
  })
  stop = [withContextManager(), () => instrumentation.disable(), () => propagation.disable()]
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
})
afterEach(async () => {
  for (const one of stop) one()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** The program of the README, on an SDK that undici's own instrumentation writes to as well. */
const program = (options: Parameters<typeof traced>[1] = {}): Sdk & { fetch: Fetch } => {
  const backoff = backoffJitter({ baseMs: 1, jitter: 'none' })
  const sdk = traced((...args) => fetch(...args), { live: true, below: [backoff], ...options })
  instrumentation.setTracerProvider(sdk.tracerProvider)
  instrumentation.enable()
  return sdk
}

const ask = (send: Fetch, path: string): Promise<unknown> =>
  send(`${origin}${path}?apiKey=${QUERY}`, {
    headers: { authorization: `Basic ${btoa(`${USER}:${HEADER}`)}`, cookie: HEADER },
  }).then((response) => response.text())

const all = async ({ spans, metrics }: Sdk): Promise<string> =>
  JSON.stringify([
    spans().map(({ name, attributes, events, status, links }) => ({ name, attributes, events, status, links })),
    await metrics(),
  ])

describe('9. no secret is in a span of the instrumentation beside it', () => {
  test('which shows it, if nobody keeps it from that', async () => {
    const sdk = program()
    await ask(fetch, '/ok')
    expect(await all(sdk)).toContain(QUERY)
  })

  test.each([
    ['an answer', '/ok', 1],
    ['a refusal that repeats it', '/refused', 1],
    ['a redirect', '/moved', 1],
    ['a connection that breaks, and the next attempt', '/broken', 2],
    ['a key in the path', `/${PATH}/x`, 1],
  ])('%s', async (_, path, attempts) => {
    const sdk = program()
    await ask(sdk.fetch, path)
    expect(sdk.spans().map(({ instrumentationScope }) => instrumentationScope.name)).toEqual(
      Array(attempts + 1).fill('@aplomb/otel'),
    )
    const told = await all(sdk)
    expect(told).toContain('http.client.request.duration')
    for (const secret of [...PLANTED, btoa(`${USER}:${HEADER}`)]) expect(told).not.toContain(secret)
  })

  test('nobody there, and userinfo that fetch does not take', async () => {
    const sdk = program()
    await expect(ask(sdk.fetch, '/ok').then(() => sdk.fetch(`http://${USER}@127.0.0.1/`))).rejects.toThrow(TypeError)
    server.closeAllConnections()
    await new Promise((resolve) => void server.close(resolve))
    await expect(ask(sdk.fetch, '/ok')).rejects.toThrow(TypeError)
    expect(sdk.spans().length).toBeGreaterThan(2)
    const told = await all(sdk)
    for (const secret of PLANTED) expect(told).not.toContain(secret)
    server = createServer()
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  })
})

describe('6. headers of the trace', () => {
  test.each([
    [false, 0],
    [true, 1],
  ])('are sent if `propagate` says so (%s), beside an instrumentation, too', async (propagate, count) => {
    const sdk = program({ propagate })
    await ask(sdk.fetch, '/ok')
    const sent = arrived.flatMap(({ traceparent }) => traceparent ?? [])
    expect(sent).toHaveLength(count)
    const [attempt] = sdk.spans().map((span) => span.spanContext())
    for (const header of sent) expect(header).toBe(`00-${attempt?.traceId}-${attempt?.spanId}-01`)
  })
})
