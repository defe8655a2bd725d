import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request, as it stood on the wire. */
interface Seen {
  readonly method: string
  readonly url: string
  /** As sent, in order, duplicates kept. */
  readonly headers: readonly (readonly [string, string])[]
  /** The pieces of the body in the order of their arrival, one character per byte. */
  readonly chunks: string[]
  /** Whether the body came to its end. */
  complete: boolean
}

export interface Exchange {
  readonly seen: Seen
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The whole body of the request, one character per byte. */
  readonly body: Promise<string>
}

export interface Server {
  readonly origin: string
  /** Every request so far. */
  readonly seen: Seen[]
  /** The next request's headers are in. */
  arrival(): Promise<Exchange>
  /** The next piece of an upload is in. */
  chunk(): Promise<string>
  /** Every exchange so far has come to an end: answered in full, or cut off. */
  quiet(): Promise<void>
  /** Exchanges that have not come to an end. */
  readonly open: number
  /** Sockets, idle ones included. */
  connections(): Promise<number>
  close(): Promise<void>
}

const pairs = (raw: readonly string[]): [string, string][] => {
  const found: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) found.push([raw[i]!, raw[i + 1]!])
  return found
}

/** A real server on loopback that writes down what it gets, and answers as told. */
export const serve = async (
  answer: (exchange: Exchange) => void | Promise<void>,
  { keepBodies = true }: { keepBodies?: boolean } = {},
): Promise<Server> => {
  const seen: Seen[] = []
  const ends = new Set<Promise<void>>()
  const arrivals: ((exchange: Exchange) => void)[] = []
  const pieces: ((chunk: string) => void)[] = []

  const http = createServer((request, response) => {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    ends.add(over)
    response.once('close', () => {
      ends.delete(over)
      resolve()
    })
    const { method = '', url = '' } = request
    const one: Seen = { method, url, headers: pairs(request.rawHeaders), chunks: [], complete: false }
    seen.push(one)
    const body = new Promise<string>((done) => {
      request.setEncoding('latin1')
      request.on('data', (chunk: string) => {
        if (keepBodies) one.chunks.push(chunk)
        pieces.shift()?.(chunk)
      })
      request.on('end', () => {
        one.complete = true
        done(one.chunks.join(''))
      })
      // A caller that hangs up mid-way is no failure of the server.
      request.on('error', () => undefined)
    })
    const exchange = { seen: one, request, response, body }
    arrivals.shift()?.(exchange)
    void answer(exchange)
  })
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', () => listening()))

  return {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen,
    arrival: () => new Promise((resolve) => arrivals.push(resolve)),
    chunk: () => new Promise((resolve) => pieces.push(resolve)),
    quiet: async () => {
      while (ends.size > 0) await Promise.all(ends)
    },
    get open() {
      return ends.size
    },
    connections: () =>
      new Promise((resolve, reject) => {
        http.getConnections((error, count) => (error ? reject(error) : resolve(count)))
      }),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}
