import type { Call, CallEvent, GiveUp, RequestLine, Verdict, WaitKind, Weight } from '@aplomb/pipeline'
import { endpointOf, originOf } from '@aplomb/pipeline'

/** What is told of a call: nothing of its headers and body, and of its URL the endpoint alone. */
export interface Facts extends RequestLine {
  /** How often its turn was asked for: what was given for an earlier time is void. */
  readonly asked: number
  /** For how long it has waited for its turn, in milliseconds: others have led meanwhile, or it has not taken one. */
  readonly linedUpMs: number | undefined
  readonly id: string
  readonly urgency: number
  readonly weight: Weight | undefined
  readonly attempt: number
  readonly counted: number
  readonly maxAttempts: number
  /** JSON knows no `Infinity`: absent. */
  readonly maxCarried: number | undefined
  readonly deadlineMs: number | undefined
  readonly mayWaitMs: number | undefined
  readonly maxTotalWaitMs: number | undefined
  readonly canReplay: boolean
  readonly repeatable: boolean
  readonly gaveUp: GiveUp | undefined
  readonly observed: boolean
}

/** A verdict without what only people read. */
export type ToldVerdict = Omit<Verdict, 'retryAt' | 'message' | 'code' | 'requestId'>

/** What came back, as far as a constraint may ask. */
export interface Answer {
  readonly verdict: ToldVerdict
  /** The key that it is about, where that is another. */
  readonly key: string | undefined
  /** Whether its body can be read although its connection is free. */
  readonly whole: boolean
  /** Whether it counts as in flight until its body has ended. */
  readonly lasts: boolean
  readonly type: string | undefined
  readonly weight: Weight | undefined
  readonly canReplay: boolean
  readonly gaveUp: GiveUp | undefined
  /** For how long its member has waited for it, in milliseconds. */
  readonly tookMs: number | undefined
  /** How long ago it was heard, as it is written down, in milliseconds: absent where it is told at once. */
  readonly agoMs?: number | undefined
}

/** An error of the door, to be made anew. */
export interface ToldError {
  readonly name: string
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** From a member to whoever leads; `n` is the call. */
export type Request =
  | { readonly to: 'leader'; readonly type: 'ask'; readonly n: number; readonly facts: Facts }
  | { readonly to: 'leader'; readonly type: 'gone'; readonly n: number; readonly sent: boolean }
  /** Sent in another place of its member's: it waits no more. */
  | { readonly to: 'leader'; readonly type: 'taken'; readonly n: number }
  | { readonly to: 'leader'; readonly type: 'heard'; readonly n: number; readonly answer: Answer }
  | {
      readonly to: 'leader'
      readonly type: 'failed'
      readonly n: number
      readonly verdict: ToldVerdict
      readonly gaveUp: GiveUp | undefined
    }
  | { readonly to: 'leader'; readonly type: 'settled'; readonly n: number; readonly weight: Weight }
  | { readonly to: 'leader'; readonly type: 'read'; readonly n: number }
  /** Sent without being asked for, and served: nothing is to be decided. */
  | {
      readonly to: 'leader'
      readonly type: 'done'
      readonly facts: Facts
      readonly answer: Answer
    }
  /** Sent without being asked for, and not served: it is looked at as any other. */
  | ({ readonly to: 'leader'; readonly type: 'flight' } & Flight)
  | { readonly to: 'leader'; readonly type: 'back'; readonly ns: readonly number[] }
  /** To a new leader: what is in flight, and what is known. */
  | {
      readonly to: 'leader'
      readonly type: 'state'
      readonly flights: readonly Flight[]
      readonly known: readonly Known[]
    }

/** Of one call that the leader knows. */
export type OfCall = Extract<Request, { type: 'gone' | 'taken' | 'heard' | 'failed' | 'settled' | 'read' }>

/** A call in flight, and since when, in milliseconds. */
export interface Flight {
  readonly n: number
  readonly facts: Facts
  readonly sinceMs: number
}

/** An answer that all of the key should know of: a hold, a ceiling, what is left of windows. */
export interface Known {
  readonly verdict: ToldVerdict
  /** How long ago it was heard, in milliseconds. */
  readonly ageMs: number
}

export type Wait = readonly [kind: WaitKind, ms: number, behindMs: number]

/** From whoever leads to a member. */
export type Reaction =
  | {
      readonly to: 'member'
      readonly type: 'go'
      readonly n: number
      readonly asked: number
      readonly waits: readonly Wait[]
      /** Its member may use the place in flight for whichever calls of its own, one after the other, for so long in milliseconds. */
      readonly stintMs: number
    }
  /** It will be sent again: its answer is not needed. */
  | {
      readonly to: 'member'
      readonly type: 'again'
      readonly n: number
      readonly excused: boolean
      readonly event: CallEvent
    }
  /** It will not: its answer stands. */
  | {
      readonly to: 'member'
      readonly type: 'over'
      readonly n: number
      readonly excused: boolean
      readonly gaveUp: GiveUp | undefined
    }
  | {
      readonly to: 'member'
      readonly type: 'refused'
      readonly n: number
      readonly error: ToldError
      readonly gaveUp: GiveUp | undefined
    }
  | { readonly to: 'member'; readonly type: 'event'; readonly n: number; readonly event: CallEvent }
  | { readonly to: 'member'; readonly type: 'slot'; readonly n: number }
  | { readonly to: 'member'; readonly type: 'recall' }
  /** What another has heard, and how many may be in flight in all, if that is known. */
  | {
      readonly to: 'member'
      readonly type: 'known'
      readonly known: readonly Known[]
      readonly ceiling: number | undefined
      /** The leader was alone meanwhile, and knows of nobody's calls: they are told of anew. */
      readonly forgot?: boolean
    }

export type Message = Request | Reaction

const finite = (value: number): number | undefined => (value === Infinity ? undefined : value)

export const factsOf = (
  call: Call,
  { method, url }: RequestLine,
  asked: number,
  now: number,
  linedUpMs?: number,
): Facts => ({
  asked,
  linedUpMs,
  id: call.observed ? call.id : '',
  method,
  url: originOf(url) + endpointOf(url),
  urgency: call.urgency,
  weight: call.weight,
  attempt: call.attempt,
  counted: call.counted,
  maxAttempts: call.maxAttempts,
  maxCarried: finite(call.maxCarried),
  deadlineMs: finite(call.deadline - now),
  mayWaitMs: finite(call.mayWaitMs()),
  maxTotalWaitMs: finite(call.maxTotalWaitMs),
  canReplay: call.canReplay,
  repeatable: call.repeatable,
  gaveUp: call.gaveUp,
  observed: call.observed,
})

export const toldVerdict = ({
  retryAt: _at,
  message: _message,
  code: _code,
  requestId: _id,
  ...told
}: Verdict): ToldVerdict => told

/** A verdict as if it had been received `ageMs` later. */
export const aged = (told: ToldVerdict, ageMs: number): ToldVerdict => {
  const later = <T extends number | undefined>(ms: T): T => (ms === undefined ? ms : Math.max(0, ms - ageMs)) as T
  const { retryAfterMs, limits } = told
  const windows = limits.windows.map((window) => ({ ...window, resetMs: later(window.resetMs) }))
  return { ...told, retryAfterMs: later(retryAfterMs), limits: { ...limits, windows } }
}

export const verdictFrom = (told: ToldVerdict): Verdict => ({
  ...told,
  message: undefined,
  code: undefined,
  requestId: undefined,
  retryAt: told.retryAfterMs === undefined ? undefined : new Date(Date.now() + told.retryAfterMs),
})

/** Of a call that nobody waits for. */
export const NOBODYS: Facts = {
  asked: 0,
  linedUpMs: undefined,
  id: '',
  method: 'GET',
  url: '',
  urgency: 3,
  weight: undefined,
  attempt: 1,
  counted: 1,
  maxAttempts: 1,
  maxCarried: undefined,
  deadlineMs: undefined,
  mayWaitMs: undefined,
  maxTotalWaitMs: undefined,
  canReplay: false,
  repeatable: false,
  gaveUp: undefined,
  observed: false,
}
