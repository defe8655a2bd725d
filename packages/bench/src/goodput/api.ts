import { createMockApi, type MockApiOptions } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { link } from './link.ts'

// The API in a process of its own, so that a busy client does not slow it down: `options` in, its address out; then
// `stats` in, its count out.
const parent = link(process)
// Killed or not, whoever started it waits no more.
process.once('disconnect', () => process.exit())
const api = createMockApi((await parent.next()) as MockApiOptions)
const server = await serve(api)
parent.send(server.url)
await parent.next()
parent.send(api.stats())
