import type { Call, GiveUp, WaitKind, Weight } from './contract.ts'
import type { EventListener } from './events.ts'
import { notify } from './callback.ts'
import { nextId } from './call-id.ts'
import { clock } from './clock.ts'
import type { Given } from './given.ts'
import { type Handle, handles } from './handles.ts'
import { neverFires } from './on-abort.ts'
import { outerOf, startRepeating } from './nested.ts'
import { isRepeatable } from './repeatable.ts'
import type { Setting } from './setting.ts'
import type { GivenSource, Owner, Source } from './source.ts'
import { urgencyOf } from './urgency.ts'

const NOBODY: readonly { readonly listener: EventListener }[] = []
/** No error is this one. */
const NONE: Response[] = []

/**
 * What one call knows. A class, and each fact made when somebody asks for it: a literal full of closures for each call
 * costs more than sending it.
 */
export class LiveCall implements Call, Owner {
  readonly setting: Setting
  readonly given: Given
  readonly source: GivenSource
  readonly startedAt: number = Date.now()
  readonly deadline: number
  attempt = 0
  firstSentAt: number | undefined = undefined
  sent: Source | undefined = undefined
  counted = 0
  canReplay: boolean
  repeating = false
  gaveUp: GiveUp | undefined = undefined
  observed: boolean
  attemptTimeoutMs: number | undefined = undefined
  // As often as p-retry, ky and the SDKs send by default, or once more.
  maxAttempts = 4
  maxCarried: number = Infinity
  /** Time spent since the last attempt, in milliseconds. */
  waits: Record<WaitKind, number> | undefined = undefined
  /** That came back so far. */
  responses: Response[] = NONE
  /** What the last attempt failed with, if it did. */
  lastError: unknown = NONE
  ended = false
  /** Requests that middlewares put in place of others. Weak: a long poll does so a thousand times. */
  replacements: WeakMap<Request, Source> | undefined = undefined
  /** Requests whose bytes nobody reads yet, though they are to be kept. */
  unread: Source[] | undefined
  /** Its own, where it is not the caller's signal that ends it, or one is shown that follows that. */
  controller: AbortController | undefined
  /** The call that this one is sent by, as one of its attempts. */
  readonly #outer: Call | undefined
  #id: string | undefined = undefined
  #key: string | undefined
  #signal: AbortSignal | undefined = undefined
  #repeatable: boolean | undefined = undefined
  #urgency: number | undefined = undefined
  #weight: Weight | undefined = undefined
  #weighed = false
  #handle: Handle | undefined = undefined
  #listeners = NOBODY
  /** Since the first attempt was sent, or behind others that were refused, in milliseconds. */
  #totalWaitMs = 0
  #lastExcused = 0

  constructor(source: GivenSource, given: Given, controller: AbortController | undefined, setting: Setting) {
    const { key, timeoutMs, onEvent, repeatable, sending } = setting
    this.setting = setting
    this.given = given
    this.source = source
    this.controller = controller
    this.deadline = timeoutMs === undefined ? Infinity : clock() + timeoutMs
    this.canReplay = source.canReplay
    this.observed = onEvent !== undefined
    this.unread = source.reads ? [source] : undefined
    this.#outer = sending && outerOf(sending, source)
    if (given.signal?.aborted) controller?.abort(given.signal.reason)
    source.owner = this
    if (source.shown) this.adopt(source.shown)
    // Functions of the user's see the request as it was given.
    this.#key = typeof key === 'function' ? key(source.request) : key
    // It is asked once, when the Request is made.
    if (typeof repeatable === 'function' && !source.shown) this.adopt(source.request)
  }

  get id(): string {
    return (this.#id ??= nextId())
  }

  get key(): string {
    return (this.#key ??= this.source.origin)
  }

  get repeatable(): boolean {
    return (this.#repeatable ??= this.#isRepeatable())
  }

  set repeatable(value: boolean) {
    this.#repeatable = value
  }

  #isRepeatable(): boolean {
    return isRepeatable(this.source, this.given.init?.['body'], this.setting.repeatable)
  }

  get urgency(): number {
    const { priority } = this.setting
    this.#urgency ??= typeof priority === 'function' ? priority(this.source.request) : priority
    return (this.#urgency ??= urgencyOf(this.source, this.given.init?.['priority']))
  }

  get weight(): Weight | undefined {
    const { weight } = this.setting
    // One that learns from answers may know better by now.
    if (weight === undefined || (this.#weighed && !weight.answered)) return this.#weight
    const body = this.given.init?.['body']
    this.#weighed = true
    this.#weight = weight(this.source.request, typeof body === 'string' ? body : undefined)
    return this.#weight
  }

  weighs(response: Response, settle: (weight: Weight) => void): void {
    const answered = this.setting.weight?.answered
    // What was never weighed has no estimate to be corrected.
    if (answered && this.#weight !== undefined) answered({ request: this.source.request, response, settle })
  }

  /** A polyfill's signal is followed, as is a time limit; the caller's own goes on after the call has ended. */
  get #ownSignal(): AbortSignal | undefined {
    const { given, setting, controller } = this
    const isTheirs = setting.timeoutMs === undefined && (!given.signal || given.signal instanceof AbortSignal)
    return isTheirs ? undefined : controller?.signal
  }

  get signal(): AbortSignal {
    return (this.#signal ??= this.#ownSignal ?? this.given.signal ?? this.#silent())
  }

  /** Nobody can abort the call. Its Request's own signal serves as well as a new one. */
  #silent(): AbortSignal {
    const signal = this.source.shown?.signal ?? new AbortController().signal
    neverFires(signal)
    return signal
  }

  get canAbort(): boolean {
    return this.given.signal !== undefined || this.setting.timeoutMs !== undefined
  }

  get aborted(): boolean {
    return this.canAbort && this.signal.aborted
  }

  get maxTotalWaitMs(): number {
    return this.setting.maxTotalWaitMs
  }

  // Functions that may be taken off their call: getters, as eight closures for each call cost more than those that are asked for.
  get mayWaitMs(): Call['mayWaitMs'] {
    return () => {
      const leftMs = this.deadline - clock()
      return this.attempt === 0 ? leftMs : Math.min(leftMs, this.maxTotalWaitMs - this.#totalWaitMs)
    }
  }

  get fits(): Call['fits'] {
    return (waitMs) => waitMs < this.mayWaitMs()
  }

  get waited(): Call['waited'] {
    return (kind, ms, behindMs = 0) => {
      this.waits ??= { queue: 0, hold: 0, backoff: 0 }
      this.waits[kind] += ms
      this.#totalWaitMs += this.attempt > 0 ? ms : behindMs
    }
  }

  get excuse(): Call['excuse'] {
    return () => {
      if (this.attempt > this.#lastExcused) this.counted--
      this.#lastExcused = this.attempt
    }
  }

  get repeats(): Call['repeats'] {
    return () => {
      const { headers, init } = this.given
      this.gaveUp ??= startRepeating(this.#outer, headers || init?.['headers'] ? this.source : undefined)
      this.repeating = true
    }
  }

  get giveUp(): Call['giveUp'] {
    return (by, reason) => {
      if (this.gaveUp) return
      this.gaveUp = { by, reason }
      this.#outer?.giveUp(by, reason)
      if (this.observed) this.emit({ type: 'give-up', call: this.id, key: this.key, by, reason, attempt: this.attempt })
    }
  }

  get emit(): Call['emit'] {
    return (event) => {
      if (!this.observed) return
      const { onEvent } = this.setting
      if (onEvent) notify(onEvent, event)
      for (const { listener } of this.#listeners) notify(listener, event)
    }
  }

  get on(): Call['on'] {
    return (listener) => {
      const entry = { listener }
      if (!this.ended) this.#listen([...this.#listeners, entry])
      return () => this.#listen(this.#listeners.filter((one) => one !== entry))
    }
  }

  #listen(those: typeof NOBODY): void {
    this.#listeners = those
    this.observed = this.setting.onEvent !== undefined || those.length > 0
  }

  followed(): AbortSignal | undefined {
    const { signal } = this.given
    if (!signal) return undefined
    // Not the caller's own, which may live for long and would gather followers.
    this.controller ??= new AbortController()
    if (signal.aborted) this.controller.abort(signal.reason)
    return this.controller.signal
  }

  adopt(request: Request): void {
    handles.set(request, (this.#handle ??= { live: this.ended ? undefined : this }))
    // Before anybody changes its headers.
    this.#repeatable ??= this.#isRepeatable()
  }

  /** Nobody hears of it any more. */
  end(): void {
    this.ended = true
    // A middleware may remember what was asked for long, and is not to keep its call.
    this.source.owner = undefined
    if (this.#handle) this.#handle.live = undefined
    if (this.#listeners.length > 0) this.#listen(NOBODY)
  }
}
