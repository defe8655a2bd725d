import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { count, readOptions, string } from '@aplomb/pipeline'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { MockApi } from './api.ts'

export interface ServeOptions {
  /** @default 0, any free port */
  readonly port?: number | undefined
  /** @default '127.0.0.1' */
  readonly hostname?: string | undefined
}

export interface MockServer {
  /** Without a slash at the end. */
  readonly url: string
  readonly port: number
  /** Ends every connection at once, whatever is on it, and frees the port. May be called more than once. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * Serves a mock API over real HTTP: resets are resets of the socket, cut bodies end before their `content-length`, and a
 * slot is held until the last byte is sent or the client is gone.
 *
 * @example
 * const server = await serve(createMockApi({ concurrency: 5 }))
 * await fetch(`${server.url}/v1/lookup/1.2.3.4`)
 * await server.close()
 */
export const serve = async (api: MockApi, options: ServeOptions = {}): Promise<MockServer> => {
  const { port = 0, hostname = '127.0.0.1' } = readOptions('serve', options, {
    port: count({ from: 0, to: 65_535 }),
    hostname: string(),
  })
  const listener = getRequestListener(
    async (request, bindings) => {
      // Never HTTP/2: the server is the plain one below.
      const { incoming, outgoing } = bindings as HttpBindings
      const { answer, leave } = api.open(request)
      outgoing.once('close', leave)
      const { response, cut } = await answer
      if (response === undefined) {
        incoming.socket.resetAndDestroy()
        return RESPONSE_ALREADY_SENT
      }
      if (!cut) return response
      const head = new Uint8Array(await response.arrayBuffer())
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      outgoing.write(head, () => incoming.socket.destroy())
      return RESPONSE_ALREADY_SENT
    },
    // The tests of its users compare with the runtime's own Request and Response.
    { overrideGlobalObjects: false },
  )
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing))
  // A connection that ends while a client reuses it would be a failure nobody asked for.
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, hostname, resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return { url: `http://${host}:${bound}`, port: bound, close, [Symbol.asyncDispose]: close }
}
