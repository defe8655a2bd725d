import { once } from 'node:events'
import { Agent, get, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, type MockApi, type MockApiOptions } from '../src/index.ts'
import { type MockServer, serve } from '../src/server.ts'

// Taken before any server was started.
const untouched = { Request, Response }
const servers: MockServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const start = async (
  options: MockApiOptions = {},
): Promise<{ api: MockApi; url: string; lookup: string; server: MockServer }> => {
  const api = createMockApi(options)
  const server = await serve(api)
  servers.push(server)
  return { api, server, url: server.url, lookup: `${server.url}/v1/lookup/1.2.3.4` }
}

describe('the server gives the answers of the in-process fetch', () => {
  test('status, headers, body', async () => {
    const options = { windows: [{ limit: 2, windowMs: 60_000 }], credits: { balance: 5 }, concurrency: 3 }
    const { url } = await start(options)
    const inProcess = createMockApi(options)
    const see = async (fetch: MockApi['fetch'], base: string) => {
      const response = await fetch(`${base}/v1/lookup/1.2.3.4`)
      const headers = Object.fromEntries(response.headers)
      for (const own of ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']) delete headers[own]
      return { status: response.status, headers, body: await response.json() }
    }
    for (const status of [200, 200, 429]) {
      const real = await see(fetch, url)
      expect(real.status).toBe(status)
      expect(real).toEqual(await see(inProcess.fetch, 'https://api.test'))
    }
  })

  test('the globals of the process stay what they were', async () => {
    await start()
    expect(globalThis.Request).toBe(untouched.Request)
    expect(globalThis.Response).toBe(untouched.Response)
  })

  test('uploads arrive', async () => {
    const { url } = await start()
    const response = await fetch(`${url}/v1/echo`, { method: 'POST', body: 'x'.repeat(300_000) })
    expect(await response.json()).toMatchObject({ method: 'POST', body: { bytes: 300_000 } })
  })

  test('a refused upload leaves the connection usable', async () => {
    const { url, lookup } = await start({ outages: [{ fromMs: 0, toMs: Infinity }] })
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`${url}/v1/echo`, { method: 'POST', body: 'x'.repeat(300_000) })
      expect(response.status).toBe(503)
      await response.text()
    }
    expect((await fetch(lookup)).status).toBe(503)
  })

  test('200 at once: the ceiling holds, and every one is answered', async () => {
    const { api, lookup } = await start({ concurrency: 20, latencyMs: 20 })
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const response = await fetch(lookup)
        await response.text()
        return response.status
      }),
    )
    const { mostInFlight, inFlight, served, rejections } = api.stats()
    expect(mostInFlight).toBe(20)
    expect(inFlight).toBe(0)
    expect(answers.filter((status) => status === 200)).toHaveLength(served)
    expect(answers.filter((status) => status === 429)).toHaveLength(rejections.concurrency)
    expect(served + rejections.concurrency).toBe(200)
  })
})

describe('connections really break', () => {
  test('a reset is a reset of the socket', async () => {
    const { api, lookup } = await start({ flaky: { rate: 1, kinds: ['reset'] }, concurrency: 1 })
    const failure = fetch(lookup)
    await expect(failure).rejects.toThrow(new TypeError('fetch failed'))
    await expect(failure).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(0))
  })

  test('a truncated body ends before its content-length', async () => {
    const { api, lookup } = await start({ flaky: { rate: 1, kinds: ['truncate'] }, concurrency: 1 })
    const [response] = await once(get(lookup), 'response')
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    const [error] = await once(response, 'error')
    expect(response.statusCode).toBe(200)
    expect(error.code).toBe('ECONNRESET')
    expect(Buffer.concat(chunks).length).toBe(Math.floor(Number(response.headers['content-length']) / 2))
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(0))

    const body = (await fetch(lookup)).text()
    await expect(body).rejects.toThrow(TypeError)
    await expect(body).rejects.toThrow('terminated')
  })

  test('a truncated stream ends after its first chunk', async () => {
    const { url } = await start({ flaky: { rate: 1, kinds: ['truncate'] } })
    const response = await fetch(`${url}/v1/stream?chunks=5&intervalMs=1`)
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('{"index":0,"of":5}\n')
    await expect(reader.read()).rejects.toThrow('terminated')
  })

  test('a slow body comes in pieces and holds its slot to the end', async () => {
    const { api, lookup } = await start({ flaky: { rate: 1, kinds: ['slow-body'], slowBodyMs: 100 }, concurrency: 1 })
    const response = await fetch(lookup)
    expect(api.stats().inFlight).toBe(1)
    const sizes: number[] = []
    for await (const chunk of response.body!) sizes.push(chunk.length)
    expect(sizes.length).toBeGreaterThan(1)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(Number(response.headers.get('content-length')))
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(0))
  })

  test('an outage can reset, or hang until the client leaves', async () => {
    const { api, lookup } = await start({
      outages: [
        { fromMs: 0, toMs: 300, status: 'reset' },
        { fromMs: 300, toMs: Infinity, status: 'hang' },
      ],
    })
    await expect(fetch(lookup)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    await vi.waitFor(async () => {
      await expect(fetch(lookup, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/)
    }, 4000)
    expect(api.stats().aborted).toBe(0)
  })
})

describe('a client that disconnects frees its slot at once', () => {
  test('while it waits for its answer', async () => {
    const { api, lookup } = await start({ concurrency: 1, latencyMs: 60_000, credits: { balance: 1 } })
    const client = httpRequest(lookup).on('error', () => {})
    client.end()
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(1))
    client.destroy()
    await vi.waitFor(() => expect(api.stats()).toMatchObject({ inFlight: 0, aborted: 1, creditsLeft: 1 }))
  })

  test('in the middle of a stream, which then stops', async () => {
    let sent = 0
    const { api, url } = await start({
      concurrency: 1,
      routes: (app) =>
        app.get('/ticks', (c) => {
          const body = new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 5))
              sent++
              controller.enqueue(new TextEncoder().encode('tick\n'))
            },
          })
          return c.body(body, 200, { 'content-type': 'application/x-ndjson' })
        }),
    })
    const client = new AbortController()
    const response = await fetch(`${url}/ticks`, { signal: client.signal })
    await response.body!.getReader().read()
    expect(api.stats().inFlight).toBe(1)
    client.abort()
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(0))
    const then = sent
    await fetch(`${url}/v1/stream?chunks=2&intervalMs=30`).then((next) => next.text())
    expect(sent - then).toBeLessThanOrEqual(1)
  })

  test('a route of your own hears of it', async () => {
    const heard = vi.fn()
    const { api, url } = await start({
      routes: (app) => app.get('/wait', (c) => new Promise(() => c.req.raw.signal.addEventListener('abort', heard))),
    })
    const client = new AbortController()
    const outcome = expect(fetch(`${url}/wait`, { signal: client.signal })).rejects.toThrow(/abort/)
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(1))
    client.abort()
    await outcome
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce())
  })
})

describe('the slot is free when the client has its answer', () => {
  test('one after the other over two connections, none is refused', async () => {
    const { lookup } = await start({ concurrency: 1 })
    const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const
    const statuses = new Set<number | undefined>()
    for (let i = 0; i < 300; i++) {
      const [response] = await once(get(lookup, { agent: agents[i % 2] }), 'response')
      response.resume()
      await once(response, 'end')
      statuses.add(response.statusCode)
    }
    for (const agent of agents) agent.destroy()
    expect([...statuses]).toEqual([200])
  })
})

describe('close ends every connection at once', () => {
  test('waiting, hanging, streaming and idle ones', async () => {
    const { api, server, url, lookup } = await start({
      latencyMs: 60_000,
      exempt: (request) => request.url.includes('stream'),
    })
    const waiting = expect(fetch(lookup)).rejects.toThrow(TypeError)
    const stream = await fetch(`${url}/v1/stream?intervalMs=60000`)
    const streaming = expect(stream.text()).rejects.toThrow('terminated')
    const idle = connect(server.port, '127.0.0.1')
    await once(idle, 'connect')
    await vi.waitFor(() => expect(api.stats().inFlight).toBe(1))
    const idleClosed = once(idle, 'close')
    idle.resume()
    await server.close()
    await Promise.all([waiting, streaming, idleClosed])
    expect(api.stats().inFlight).toBe(0)
    await expect(fetch(lookup)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await server.close()
  })

  test('a port in use is an error', async () => {
    const { server } = await start()
    await expect(serve(createMockApi(), { port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('await using closes it', async () => {
    let port = 0
    {
      await using server = await serve(createMockApi())
      port = server.port
      expect((await fetch(`${server.url}/v1/balance`)).status).toBe(200)
    }
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
  })
})
