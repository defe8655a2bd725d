import type { LiveCall } from './call.ts'
import type { Call, Middleware, Next, Outgoing } from './contract.ts'
import type { Constrainer } from './constrained.ts'
import { responseOf } from './errors.ts'
import { enter, sourceOf } from './requests.ts'
import type { Source } from './source.ts'

/** A middleware that wants to see the call. */
export type Handler = (request: Request, next: Next, call: Call) => Promise<Response>

/** The same for one that sends on what it is given, as it is: no Request is made for it. */
export type RelayHandler = (outgoing: Outgoing, next: () => Promise<Response>, call: Call) => Promise<Response>

/** What is below a chain. */
type Last = (source: Source, call: LiveCall) => Promise<Response>

/** A middleware with all below it, and its name, for what it may answer. */
export interface Chain {
  readonly by: string
  /** Whether it only hands on what comes from below, so that its answer need not be looked at. */
  readonly relays: boolean
  run(source: Source, call: LiveCall, last: Last): Promise<Response>
}

/** Handlers behind middlewares that are made here: a link hands them their call without a look-up. */
const handlers = new WeakMap<Middleware, Handler>()
const relays = new WeakMap<Middleware, RelayHandler>()

/** What constrained middlewares bring to the door. */
const constrainers = new WeakMap<Middleware, Constrainer>()
/** What a composed middleware is made of: its constraints stand at the door of the whole. */
const parts = new WeakMap<Middleware, readonly Middleware[]>()

const flat = (all: readonly Middleware[]): readonly Middleware[] => all.flatMap((one) => parts.get(one) ?? [one])

export const setConstrainer = (made: Middleware, one: Constrainer): void => void constrainers.set(made, one)
export const setParts = (made: Middleware, all: readonly Middleware[]): void => void parts.set(made, flat(all))
export const setHandler = (made: Middleware, handler: Handler): void => void handlers.set(made, handler)
export const setRelay = (made: Middleware, handler: RelayHandler): void => void relays.set(made, handler)
export const isHandled = (made: Middleware): boolean => handlers.has(made) || relays.has(made) || constrainers.has(made)

export const bottom: Chain = { by: 'fetch', relays: true, run: (source, call, last) => last(source, call) }

const checked = async (chain: Chain, source: Source, call: LiveCall, last: Last): Promise<Response> =>
  responseOf(chain.by, await chain.run(source, call, last))

/** Runs what is below. Rejects where it throws. */
export const goOn = (rest: Chain, source: Source, call: LiveCall, last: Last): Promise<Response> => {
  if (!rest.relays) return checked(rest, source, call, last)
  try {
    return rest.run(source, call, last)
  } catch (error) {
    return Promise.reject(error)
  }
}

const link = (one: Middleware, rest: Chain): Chain => {
  const by = `middleware ${one.name || 'without a name'}`
  const relay = relays.get(one)
  if (relay)
    return {
      by,
      relays: true,
      run: (source, call, last) => relay(source, () => goOn(rest, source, call, last), call),
    }
  const handler = handlers.get(one)
  return {
    by,
    relays: false,
    run: (source, call, last) => {
      const next: Next = (sent) => {
        try {
          return goOn(rest, sourceOf(call, sent), call, last)
        } catch (error) {
          return Promise.reject(error)
        }
      }
      const run = ({ request }: Source): Promise<Response> =>
        handler ? handler(request, next, call) : one(request, next)
      const entered = enter(call, source)
      return entered instanceof Promise ? entered.then(run) : run(entered)
    },
  }
}

/** Builds a chain, the first outermost: the door is where the outermost of the constrained ones stands. */
export const chainOf = (given: readonly Middleware[]): Chain => {
  const all = flat(given)
  const outermost = all.findIndex((one) => constrainers.has(one))
  const restricting = all.map((one) => constrainers.get(one)).filter((one) => one !== undefined)
  const doors = restricting.find(({ shares }) => shares) ?? restricting[0]
  return all.reduceRight<Chain>((rest, one, place) => {
    const inside = constrainers.has(one) && !relays.has(one) ? rest : link(one, rest)
    // By the middleware's own hand: who has none ships no door.
    return place === outermost && doors ? doors.doorway(restricting, inside) : inside
  }, bottom)
}
