import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Fetch } from '@aplomb/pipeline'

/** What the first request meets; all others are answered. */
export type Fault = '500' | '503' | 'reset' | 'refused'
export const FAULTS: readonly Fault[] = ['500', '503', 'reset', 'refused']

/** What the client libraries take for an answer, by the end of the path. */
const ANSWERS: readonly [path: string, answer: unknown][] = [
  [
    '/chat/completions',
    {
      id: 'c1',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    },
  ],
  [
    '/messages',
    {
      id: 'm1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  ],
  [':generateContent', { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] } }] }],
  ['/chat.postMessage', { ok: true, ts: '1' }],
  ['/customers', { id: 'cus_1', object: 'customer' }],
  ['/cus_1', { id: 'cus_1', object: 'customer' }],
  ['/trpc/get', { result: { data: 1 } }],
  ['/trpc/add', { result: { data: 1 } }],
  ['/graphql', { data: { viewer: { login: 'a' } } }],
]

const answerTo = (url: string): string => {
  const [path = ''] = url.split('?')
  return JSON.stringify(ANSWERS.find(([end]) => path.endsWith(end))?.[1] ?? [])
}

/** An API on loopback, the `fetch` that reaches it, and how often that was called. */
export interface FaultyApi {
  readonly base: string
  readonly wire: Fetch
  readonly requests: () => number
  readonly close: () => void
}

export const startFaulty = async (fault: Fault): Promise<FaultyApi> => {
  let requests = 0
  let first = true
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const fails = first && fault !== 'refused'
    first = false
    request.resume()
    request.once('end', () => {
      if (fails && fault === 'reset') {
        request.socket.resetAndDestroy()
        return
      }
      response.writeHead(fails ? Number(fault) : 200, { 'content-type': 'application/json' })
      response.end(fails ? '{"error":{"message":"broken"}}' : answerTo(request.url ?? ''))
    })
  }
  const listen = async (port: number): Promise<Server> => {
    const server = createServer(handle).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server = await listen(0)
  const { port } = server.address() as AddressInfo
  if (fault === 'refused') await once(server.close(), 'close')

  const wire: Fetch = async (input, init) => {
    requests++
    try {
      return await fetch(input, init)
    } catch (error) {
      // Whoever was refused finds it up the next time.
      if (!server.listening) server = await listen(port)
      throw error
    }
  }
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { base: `http://127.0.0.1:${port}`, wire, requests: () => requests, close }
}
