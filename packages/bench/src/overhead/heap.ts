import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Fetch, Middleware } from '@aplomb/pipeline'
import { aplomb, createFetch } from 'aplomb'

/** Bytes of the heap that a call takes which waits. */
export interface HeapRow {
  readonly name: string
  readonly bytesPerCall: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const used = async (): Promise<number> => {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().heapUsed
}

const perCall = async (count: number, make: (inner: Fetch) => Fetch): Promise<number> => {
  const answer = Promise.withResolvers<void>()
  const fetch = make(async () => {
    await answer.promise
    return new Response()
  })
  await Promise.race([fetch('https://api.example.com/'), new Promise((resolve) => setImmediate(resolve))])
  const before = await used()
  const calls = Array.from({ length: count }, (_, i) => fetch(`https://api.example.com/v1/lookup/${i}`))
  const after = await used()
  answer.resolve()
  await Promise.all(calls)
  return (after - before) / count
}

const pass: Middleware = (request, next) => next(request)

/** What so many calls cost in memory that wait for an answer, or for their turn. */
export const heap = async (count: number): Promise<readonly HeapRow[]> => {
  const makes: Readonly<Record<string, (fetch: Fetch) => Fetch>> = {
    'fetch, in flight': (fetch) => fetch,
    'a middleware that does nothing, in flight': (fetch) => createFetch([pass], { fetch }),
    'aplomb(), in flight': (fetch) => aplomb({ fetch, concurrencyGate: { limit: 2 * count } }),
    'aplomb(), queued': (fetch) => aplomb({ fetch, concurrencyGate: { limit: 1 } }),
  }
  const rows: HeapRow[] = []
  for (const [name, make] of Object.entries(makes)) rows.push({ name, bytesPerCall: await perCall(count, make) })
  return rows
}
