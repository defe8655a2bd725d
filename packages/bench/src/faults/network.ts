import { AsyncLocalStorage } from 'node:async_hooks'
import { type Engine, memoryEngine } from '@aplomb/redis'
import { type CreditStore, memoryStore } from 'aplomb'
import type { Fetch } from '../sim/simulate.ts'
import { awake, inside, type Member } from './member.ts'
import type { Loss } from './plan.ts'
import type { Asked, Sending } from './record.ts'
import type { Answered, Server } from './server.ts'

const WAY_MS = [0.5, 2] as const

const way = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, WAY_MS[0] + Math.random() * (WAY_MS[1] - WAY_MS[0])))

const CODES: Readonly<Record<Loss, string>> = {
  refused: 'ECONNREFUSED',
  'not found': 'ENOTFOUND',
  'reset before': 'ECONNRESET',
  'reset after': 'ECONNRESET',
}

/** As undici words them. */
class LostError extends TypeError {
  readonly unsent: boolean
  constructor(loss: Loss) {
    super('fetch failed', { cause: Object.assign(new Error(loss), { code: CODES[loss] }) })
    this.unsent = loss === 'refused' || loss === 'not found'
  }
}

/** Rejects with the signal's reason as soon as it is aborted, as every platform's fetch does. */
const untilAborted = <T>(signal: AbortSignal | null | undefined, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal?.reason)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    const end = (): void => signal?.removeEventListener('abort', abort)
    work.finally(end).then(resolve, reject)
  })

/** A process's way to a server and back, which notes what it sees. */
export const networkOf = (
  member: Member,
  servers: readonly Server[],
  callOf: (url: string) => { readonly call: Asked; readonly secret: string },
  happened: (call: Asked, what: 'sent' | 'answered') => void,
): Fetch => {
  return async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    const { call, secret } = callOf(url)
    const { method = 'GET', signal } = init ?? {}
    const one: Sending = {
      call,
      member,
      server: call.plan.server % servers.length,
      method,
      endpoint: `${method} ${call.plan.to}`,
      at: performance.now(),
      heardAt: Infinity,
      status: undefined,
      truth: undefined,
      unsent: false,
      wait: false,
      full: false,
    }
    call.sendings.push(one)
    const server = servers[one.server] as Server
    happened(call, 'sent')

    const exchange = async (): Promise<Answered> => {
      const loss = server.loss()
      await way()
      await awake(member)
      if (loss !== undefined && loss !== 'reset after') throw new LostError(loss)
      // Nobody else's timers wait for this process.
      const answered = await inside(undefined, () => server.fetch(url, init ?? {}, call.n, secret))
      await way()
      await awake(member)
      if (loss === undefined) return answered
      await answered.response.body?.cancel().catch(() => undefined)
      throw new LostError(loss)
    }
    try {
      const { response, truth } = await untilAborted(signal, exchange())
      const { headers } = response
      one.status = response.status
      one.truth = truth
      one.wait = Array.from(headers.keys()).some((name) => name.startsWith('retry-after'))
      one.full = headers.has('x-concurrent-threads') || (headers.get('ratelimit') ?? '').includes('concurrency')
      return response
    } catch (error) {
      one.unsent = error instanceof LostError && error.unsent
      throw error
    } finally {
      one.heardAt = performance.now()
      happened(call, 'answered')
    }
  }
}

/** What is the matter with the stores, for all processes. */
export interface Trouble {
  hangsUntil: number
  failsUntil: number
}

const reached = async (member: Member, trouble: Trouble): Promise<void> => {
  await way()
  await awake(member)
  const now = performance.now()
  if (now < trouble.hangsUntil) await new Promise<never>(() => undefined)
  if (now < trouble.failsUntil) throw new Error('the store is away')
}

/** The one engine, as a process reaches it. */
export const engineFor = (member: Member, engine: Engine, trouble: Trouble): Engine & { readonly cut: () => void } => {
  const stops = new Set<() => void>()
  return {
    turn: async (report) => {
      await reached(member, trouble)
      const reply = await inside(undefined, () => engine.turn(report))
      await reached(member, trouble)
      return reply
    },
    listen: (name, push) => {
      const asMember = AsyncLocalStorage.snapshot()
      const stop = engine.listen?.(name, (...mail) =>
        asMember(
          () =>
            void reached(member, trouble).then(
              () => push(...mail),
              () => undefined,
            ),
        ),
      )
      if (stop) stops.add(stop)
      return () => stop?.()
    },
    cut: () => {
      for (const stop of stops) stop()
    },
  }
}

export const newEngine = (): Engine => memoryEngine()

/** The one store of credits, as a process reaches it. */
export const storeFor = (member: Member, store: CreditStore, trouble: Trouble): CreditStore => ({
  add: async (...given) => {
    await reached(member, trouble)
    return inside(undefined, () => store.add(...given))
  },
  get: async (...given) => {
    await reached(member, trouble)
    return inside(undefined, () => store.get(...given))
  },
})

export const newStore = (): CreditStore => memoryStore()
