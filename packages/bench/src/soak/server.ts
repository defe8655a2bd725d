// The process that is killed: an API that fails in every way it can, and a server that does not even speak HTTP.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createMockApi } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'

const [apiPort = 0, rawPort = 0, seed = 1] = process.argv.slice(2).map(Number)

const api = createMockApi({
  seed,
  concurrency: 24,
  windows: [{ limit: 150, windowMs: 1000 }],
  credits: { balance: 1e9 },
  latencyMs: [1, 60],
  flaky: { rate: 0.2, kinds: ['500', '503', '429', 'reset', 'truncate', 'slow-body', 'hang'], slowBodyMs: 800 },
  empty: 0.1,
})
const server = await serve(api, { port: apiPort })

/** Takes turns: cut at once, cut in the middle of the headers, no HTTP at all, silence. */
const MANNERS = ['', 'HTTP/1.1 200 OK\r\ncontent-le', 'bad\r\n\r\n', undefined]
let turn = 0
const raw = createServer((socket) => {
  socket.on('error', () => {})
  const manner = MANNERS[turn++ % MANNERS.length]
  if (manner !== undefined) socket.once('data', () => socket.end(manner, () => socket.destroy()))
})
// As where descriptors or ports have run out: whoever comes then is dropped.
raw.maxConnections = 3
raw.listen(rawPort, '127.0.0.1', () => process.send?.([server.port, (raw.address() as AddressInfo).port]))
process.once('disconnect', () => process.exit())
