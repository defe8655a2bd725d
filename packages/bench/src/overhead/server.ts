import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { link } from '../goodput/link.ts'
import { BODY, HEADERS } from './answer.ts'

// A healthy API in a process of its own: its address out. Each answer is the same, so that nothing is timed but the call.
const parent = link(process)
process.once('disconnect', () => process.exit())
const server = createServer((_request, response) => void response.writeHead(200, HEADERS).end(BODY))
server.listen(0, '127.0.0.1', () => parent.send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
