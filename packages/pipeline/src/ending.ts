import { onAbort } from './on-abort.ts'

/** Bodies that somebody may still read, and what lets go of the signals that would end that. Older Workers have none. */
const readable =
  typeof FinalizationRegistry === 'function'
    ? new FinalizationRegistry<() => void>((letGo) => letGo())
    : { register: (): void => undefined }

const bodyOf = (response: Response): object | null | undefined => {
  try {
    return response.body
  } catch {
    // A test double that cannot be looked at.
    return undefined
  }
}

const mirrors = new WeakMap<AbortSignal, AbortSignal>()

/** Fires with the caller's signal, on which nobody shall find listeners when the call is over. */
const mirrorOf = (signal: AbortSignal): AbortSignal => {
  // A polyfill's.
  if (!(signal instanceof AbortSignal)) return signal
  const mirror = mirrors.get(signal) ?? AbortSignal.any([signal])
  mirrors.set(signal, mirror)
  return mirror
}

/**
 * The signals that end an attempt, as one, which goes on for as long as somebody can read the answer. `AbortSignal.any`
 * for each would do, but for a signal that outlives its calls: in Node that keeps a kilobyte of each (nodejs/node#64476).
 */
export class Ending {
  readonly #controller = new AbortController()
  #stops: readonly (() => void)[]

  /** Whether any of them may fire after the call has ended. */
  readonly #lasts: boolean

  /** `call`: the call's own, which ends before its answer is read. */
  constructor(caller: AbortSignal | undefined, request: AbortSignal | undefined, call: AbortSignal | undefined) {
    const followed = [caller && mirrorOf(caller), request, call].filter((one) => one !== undefined)
    this.#lasts = (caller ?? request) !== undefined
    this.#stops = followed.map((signal) => onAbort(signal, () => this.abort(signal.reason)))
    const fired = followed.find(({ aborted }) => aborted)
    if (fired) this.abort(fired.reason)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
    this.#letGo()
  }

  /** It was answered, or failed: from now on only the rest of a body can be aborted. */
  done(response?: Response): void {
    const body = response && bodyOf(response)
    if (body && this.#lasts && !this.signal.aborted) readable.register(body, () => this.#letGo())
    else this.#letGo()
  }

  #letGo(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
  }
}
