import type { Engine, Reply, Report } from './engine.ts'
import { newRooms } from './rooms.ts'

/** What is needed of a stub of a Durable Object, or of a service binding. */
export interface Stub {
  fetch(input: string, init: { readonly method: string; readonly body: string }): Promise<Response>
}

/**
 * What a Cloudflare Durable Object answers, for {@link durableObjectEngine}: all of a fleet asks one object. It keeps nothing in
 * storage: one that begins anew hears from its members what they have.
 *
 * @example
 * export class Fleet {
 *   fetch = durableObject()
 * }
 */
export const durableObject = (): ((request: Request) => Promise<Response>) => {
  // Nothing is pushed: an object cannot begin a request to a Worker that has answered.
  const turn = newRooms(Date.now, () => undefined)
  return async (request) => Response.json(turn((await request.json()) as Report))
}

/**
 * A Durable Object as the engine of a {@link fleet}.
 *
 * @example
 * const store = fleet(durableObjectEngine(() => env.FLEET.get(env.FLEET.idFromName('geo'))))
 */
export const durableObjectEngine = (stub: () => Stub): Engine => ({
  turn: async (report) => {
    const response = await stub().fetch('https://fleet/', { method: 'POST', body: JSON.stringify(report) })
    if (!response.ok) throw new Error(`The Durable Object answered ${response.status}`)
    return (await response.json()) as Reply
  },
})
