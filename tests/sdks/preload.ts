// Loaded before each snippet: what it fetches is answered in this process, and no socket leaves the machine.
import { createMockApi, type MockApi } from '@aplomb/mock-api'
import { Socket } from 'node:net'
import { vendorAt } from './vendors.ts'

const isLocal = (host: string | undefined): boolean =>
  host === undefined || ['localhost', '127.0.0.1', '::1', '[::1]'].includes(host)

const api = createMockApi({
  windows: [{ limit: 100, windowMs: 1000 }],
  credits: { balance: 10_000 },
  routes: (app) => app.all('*', (c, next) => (builtIn.test(c.req.path) ? next() : c.json({ ok: true }))),
})
const builtIn = /^\/v1\/(lookup|echo|stream|balance)\b/

const apis = new Map<string, MockApi>()
const apiAt = (host: string): MockApi => {
  const known = apis.get(host) ?? vendorAt(host) ?? api
  apis.set(host, known)
  return known
}

const realFetch = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const { hostname } = new URL(input instanceof Request ? input.url : input)
  return isLocal(hostname) ? realFetch(input, init) : apiAt(hostname).fetch(input, init)
}

// An SDK may go around fetch; then its example says so here instead of reaching out.
const connect = Socket.prototype.connect
const connectLocally = function (this: Socket, ...args: Parameters<typeof connect>): Socket {
  const [target, host] = args.flat() as [string | number | { host?: string }, unknown]
  const name = typeof target === 'object' ? target.host : typeof host === 'string' ? host : undefined
  if (!isLocal(name)) throw new Error(`a snippet may not open a connection to ${name}: give it a fetch`)
  return connect.apply(this, args)
}
Socket.prototype.connect = connectLocally as typeof connect
