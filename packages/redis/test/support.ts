import { aplomb, type AplombFetch, type AplombOptions } from 'aplomb'
import {
  type Engine,
  fleet,
  type FleetOptions,
  memoryEngine,
  type Push,
  type Reply,
  type Report,
} from '../src/index.ts'
import { newRooms } from '../src/rooms.ts'

export const URL_A = 'https://api.test/v1/a'
export const LEASE_MS = 1000

type Answering = (url: string) => Response | Promise<Response>

/** A server that answers as it is told to, and counts what it has at once. */
export const newServer = (tookMs: number, answering: Answering = () => new Response('{}')) => {
  const server = {
    tookMs,
    inFlight: 0,
    most: 0,
    /** Who has sent, and when. */
    sent: [] as { readonly by: number; readonly at: number; readonly url: string }[],
    answering,
    fetchOf:
      (by: number) =>
      async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        const url = String(input instanceof Request ? input.url : input)
        server.sent.push({ by, at: performance.now(), url })
        server.most = Math.max(server.most, ++server.inFlight)
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(resolve, server.tookMs)
          init?.signal?.addEventListener('abort', () => {
            clearTimeout(timer)
            reject(init.signal?.reason)
          })
        }).finally(() => server.inFlight--)
        return server.answering(url)
      },
  }
  return server
}

/** An engine in memory whose clock can be set. */
export const newClockedEngine = () => {
  const listeners = new Map<string, Push>()
  const clocked = { byMs: 0, forgets: () => undefined as void }
  const now = (): number => Math.floor(performance.now() + 10_000_000 + clocked.byMs)
  const newTurn = (): ReturnType<typeof newRooms> =>
    newRooms(now, (member, ...mail) => queueMicrotask(() => listeners.get(member)?.(...mail)))
  let turn = newTurn()
  clocked.forgets = () => void (turn = newTurn())
  const engine: Engine = {
    turn: async (report) => turn(report),
    listen: (member, push) => {
      listeners.set(member, push)
      return () => void listeners.delete(member)
    },
  }
  return Object.assign(clocked, { engine })
}

/** An engine between the members and the one that they share: what one member says or hears can be stopped. */
export const newWire = () => {
  const wire = {
    /** Another has nothing of what was stored. */
    engine: memoryEngine(),
    /** By the number of the member. */
    cut: new Set<number>(),
    /** What it says arrives, and it hears nothing. */
    deaf: new Set<number>(),
    down: undefined as (() => Promise<Reply>) | undefined,
    turns: 0,
    /** How long a reply takes. */
    replyMs: 0,
    reports: [] as Report[],
    later: (reply: Reply): Reply | Promise<Reply> =>
      wire.replyMs ? new Promise((resolve) => setTimeout(resolve, wire.replyMs, reply)) : reply,
    engineOf: (number: number): Engine => ({
      turn: (report) => {
        wire.turns++
        wire.reports.push(report)
        if (wire.down) return wire.down()
        return wire.cut.has(number)
          ? new Promise<Reply>(() => undefined)
          : wire.engine
              .turn(report)
              .then((reply) => (wire.deaf.has(number) ? new Promise<Reply>(() => undefined) : wire.later(reply)))
      },
      listen: (member, push: Push) =>
        wire.engine.listen?.(member, (...mail) => {
          if (!wire.cut.has(number) && !wire.deaf.has(number) && !wire.down) push(...mail)
        }) ?? (() => undefined),
    }),
  }
  return wire
}

export type Wire = ReturnType<typeof newWire>

/** Members of one fleet, each with a pipeline of its own. */
export const newMembers = (
  count: number,
  server: ReturnType<typeof newServer>,
  { wire = newWire(), options, ...rest }: AplombOptions & { wire?: Wire; options?: FleetOptions } = {},
): readonly AplombFetch[] =>
  Array.from({ length: count }, (_, number) =>
    aplomb({
      fetch: server.fetchOf(number),
      log: false,
      store: fleet(wire.engineOf(number), { leaseMs: LEASE_MS, ...options }),
      ...rest,
    }),
  )
