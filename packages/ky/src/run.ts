import { type Call, type Fetch, later, type Middleware, relay } from '@aplomb/pipeline'

/** What the pipeline says next of a call. */
export type Turn =
  /** Its turn has come: it has passed the door. */
  | { readonly kind: 'send'; readonly target: string | URL | Request; readonly init: RequestInit | undefined }
  /** It will be sent again, after a wait. */
  | { readonly kind: 'again' }
  /** It has ended, with an answer or an error. */
  | { readonly kind: 'answer'; readonly response: Response }
  | { readonly kind: 'failure'; readonly error: unknown }

/** A call of the pipeline whose requests somebody else carries: it asks for each to be sent, and is told what came of it. */
export interface Run {
  /** The facts of the call. They outlive it. */
  readonly call: Call
  /** Whether a request is out. */
  readonly sending: boolean
  /** What was said last and not yet acted on. */
  readonly turn: Turn | undefined
  /** Whether its turn was given back, as nobody picked it up in time. */
  readonly lapsed: boolean
  /** Waits until the request is to be sent, or the call has ended. */
  pass(): Promise<Exclude<Turn, { kind: 'again' }>>
  /** The answer or the error of what was sent. Waits for what follows from it. */
  heard(response: Response): Promise<Turn>
  failed(error: unknown): Promise<Turn>
  /** Nobody carries its requests any more. */
  abandon(reason: unknown): void
}

/** How long a request that has passed the door waits to be picked up: whoever carries it may have stopped without a word, or be busy. */
const PICK_UP_MS = 1000

const RUN = Symbol('run')

interface Live extends Run {
  call: Call
  send(target: string | URL | Request, init: RequestInit | undefined): Promise<Response>
  say(turn: Turn): void
}

interface Flight {
  resolve(response: Response): void
  reject(error: unknown): void
}

const newLive = (gone: AbortController): Live => {
  let turn: Turn | undefined
  let wake: (() => void) | undefined
  let flight: Flight | undefined
  let pickUp: ReturnType<typeof setTimeout> | undefined
  let over = false
  let lapsed = false
  let listening = false

  const until = <T extends Turn>(fits: (one: Turn) => one is T): Promise<T> =>
    new Promise((resolve) => {
      wake = () => {
        if (!turn || !fits(turn)) return
        wake = undefined
        resolve(turn)
      }
      wake()
    })

  const after = (tell: (one: Flight) => void): Promise<Turn> => {
    const told = flight
    flight = undefined
    // One that has ended meanwhile has said so.
    if (!over) turn = undefined
    if (told) tell(told)
    return until((one): one is Turn => one !== undefined)
  }

  const abandon = (reason: unknown): void => {
    const lost = flight
    flight = undefined
    clearTimeout(pickUp)
    gone.abort(reason)
    lost?.reject(reason)
  }

  const lapse = (): void => {
    lapsed = true
    abandon(new DOMException('Nobody has sent the request', 'AbortError'))
  }

  /** A wait begins with an event. Nobody listens as long as all goes well: being listened to costs a call more than sending it. */
  const listen = ({ call }: Live): void => {
    if (listening) return
    listening = true
    call.on(({ type }) => {
      if (type === 'retry') live.say({ kind: 'again' })
    })
  }

  const live: Live = {
    call: undefined as unknown as Call,
    get sending() {
      return flight !== undefined && turn?.kind !== 'send'
    },
    get turn() {
      return turn
    },
    get lapsed() {
      return lapsed
    },
    say: (next) => {
      over ||= next.kind === 'answer' || next.kind === 'failure'
      turn = next
      wake?.()
    },
    send(target, init) {
      return new Promise((resolve, reject) => {
        flight = { resolve, reject }
        pickUp = later(lapse, PICK_UP_MS)
        this.say({ kind: 'send', target, init })
      })
    },
    pass: async () => {
      const next = await until((one) => one.kind !== 'again')
      clearTimeout(pickUp)
      if (!over) turn = undefined
      return next
    },
    heard: (response) => {
      if (!response.ok) listen(live)
      return after(({ resolve }) => resolve(response))
    },
    failed: (error) => {
      listen(live)
      return after(({ reject }) => reject(error))
    },
    abandon,
  }
  return live
}

/** Begins a call of the pipeline. */
export type Begin = (url: string, init: RequestInit, allow: (call: Call) => void) => Run

/**
 * A pipeline whose requests somebody else carries. `make` builds it on an inner `fetch`, with a middleware that has to be
 * its outermost.
 */
export const carried = (make: (inner: Fetch, outermost: Middleware) => Fetch): Begin => {
  let starting: { readonly live: Live; readonly allow: (call: Call) => void } | undefined
  const outermost = relay('ky', (_, next, call) => {
    // In the same turn as the call of `fetch` below.
    if (starting) {
      const { live, allow } = starting
      live.call = call
      allow(call)
    }
    starting = undefined
    return next()
  })
  const inner: Fetch = (target, init) => (init as { readonly [RUN]: Live })[RUN].send(target, init)
  const fetch = make(inner, outermost)

  return (url, init, allow) => {
    const gone = new AbortController()
    const live = newLive(gone)
    starting = { live, allow }
    fetch(url, { ...init, signal: gone.signal, [RUN]: live } as RequestInit).then(
      (response) => live.say({ kind: 'answer', response }),
      (error: unknown) => live.say({ kind: 'failure', error }),
    )
    starting = undefined
    return live
  }
}
