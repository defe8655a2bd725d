import type { Call, RequestLine, Weight } from './contract.ts'
import type { Standing } from './keyed.ts'
import type { Verdict } from './verdict.ts'

/** A call that asks to be sent. */
export interface Ask {
  readonly call: Call
  readonly request: RequestLine
  /**
   * Whether it has waited for `maxTotalWaitMs` while nobody of its key was served: then only what is certain keeps it,
   * a time that the server has named or a ceiling. Its answer ends the call.
   */
  readonly overdue: boolean
}

/** A call that was let through. */
export interface Departure {
  readonly call: Call
  readonly request: RequestLine
  /** When it was sent, on the `clock`: before it is counted, if another process has sent it. */
  readonly at: number
  /** When the call was sent for the first time. */
  readonly firstAt: number
}

/** What an answer, or the lack of one, means for what comes next. */
export interface Signal {
  /** Of a failure that says nothing about the server (an abort, a bad argument) the kind is `unknown`. */
  readonly verdict: Verdict
  /** Absent if there was no answer. */
  readonly response: Response | undefined
  /** Whose limits, waits and credits the answer tells of. */
  readonly key: string
  /** Whether that is another key than the call's, which a redirect has led to. */
  readonly elsewhere: boolean
  /** When another process had sent it, on the `clock`, as far as that is known; absent: when it was let through. */
  readonly sentAt?: number | undefined
  /** When another process had heard the answer, on the `clock`, where that tells of it later; absent: now. */
  readonly heardAt?: number | undefined
  /** Whether the request may be sent again: the failure is transient, and the server has not begun, or may begin twice. */
  readonly repeatable: boolean
}

/** A refused call is to be sent again. */
export interface Again {
  /** Whether it keeps its turn, or lines up behind those that were sent before. */
  readonly place: 'front' | 'back'
  /** How long it will wait, as far as is known, in milliseconds. @default 0 */
  readonly waitMs?: number | undefined
  /** Whether it waits so long by itself before it stands in line again; else the constraint keeps it at the door. @default false */
  readonly apart?: boolean | undefined
}

/**
 * A condition at the {@link https://github.com/aplomb-js/aplomb/blob/main/docs/congestion-control.md | door} of a key: something
 * that keeps calls from being sent now. A call is sent when no constraint asks it to wait.
 */
export interface Constraint {
  /** How long this call has to wait, in milliseconds; `Infinity`: until {@link Line.wake}. Asked often. */
  waitMs(ask: Ask): number
  /** Why a call is not to wait at all: it is turned away, when it comes or when its turn does. Nobody retries. */
  refuses?(ask: Ask): Error | undefined
  /** Whether its waits are known beforehand: a call that may not wait for so long is turned away at once. @default false */
  readonly certain?: boolean
  /** Whether single calls are sent to find out: those that were never sent go first, they have more attempts left. */
  probing?(): boolean
  /** How many calls may wait, and for how long in milliseconds. */
  readonly maxQueue?: number
  readonly queueTimeoutMs?: number | undefined
  /** The lane that a call waits in, apart from the others, which pass it. Where several are free, they go by their names. */
  laneOf?(ask: Ask): string | undefined
  /** How long a call that comes to be sent again stays away before it stands in line, in milliseconds. */
  delayMs?(ask: Ask): number
  /** A call begins to wait. */
  waits?(ask: Ask, waitMs: number): void
  sent?(departure: Departure): void
  /** The answer has come, or the error. Returns whether the call is to be sent again. */
  heard?(departure: Departure, signal: Signal): Again | undefined
  /** What the call took in truth is known: before its answer is `heard`, or as the body is read. At most once. */
  settled?(departure: Departure, weight: Weight): void
  /** Nothing more comes of it, but the body of the response. */
  ended?(departure: Departure, response: Response | undefined): void
  /**
   * Whether an answer counts as in flight for longer than until its headers. Then `over` is called when it has been read, or
   * nobody reads it any more. For a fleet's leader, which counts on behalf of other processes.
   */
  lasts?(response: Response, over: () => void): boolean
  /** Whether nothing is known that any call, whatever it asks for, would have to wait for; absent: there may be something. */
  free?(): boolean
  /**
   * How many may be in flight at once, where that is known: announced, learned from refusals, or the user's word. `certain`:
   * not what was only learned.
   */
  ceiling?(certain?: boolean): number | undefined
  /**
   * What an answer says that is of no call here: a redirect led to it from another key, or another process had heard it before
   * it led a fleet. Its limits count; nobody was served or refused now.
   */
  overheard?(departure: Departure, signal: Signal): void
  /** Whether it may be dropped. @default 'idle' */
  standing?(): Standing
}

/** Those who wait at the doors of a constraint. */
export interface Line {
  queued(): number
  /** What a constraint has said of waits may be different now. */
  wake(): void
}
