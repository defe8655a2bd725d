import type { LiveCall } from './call.ts'
import type { Chain } from './chain.ts'
import { later } from './clock.ts'
import { discard } from './discard.ts'
import { isResponse, NoResponseError } from './errors.ts'
import { onAbort } from './on-abort.ts'
import { timeoutError } from './timeout.ts'
import { send } from './transport.ts'

/**
 * Cancels the answers that nobody will read: all of them, if what is handed on came from the transport itself. A
 * middleware's own Response or Error may still draw on what it got, but hardly on a failure that others followed.
 */
const tidy = (responses: readonly Response[], returned: Response | undefined, all: boolean): void => {
  for (const response of responses) {
    if (response === returned || (returned && response.body === returned.body)) continue
    if (all || (response !== responses.at(-1) && !response.ok)) discard(response)
  }
}

const end = (call: LiveCall, returned: Response | undefined, all: boolean): void => {
  call.end()
  tidy(call.responses, returned, all)
}

/** One that nobody aborts ends when its middlewares do. */
const runAlone = async (call: LiveCall, chain: Chain): Promise<Response> => {
  try {
    const response = await chain.run(call.source, call, send)
    if (!isResponse(response)) throw new NoResponseError(chain.by, response)
    end(call, response, call.responses.includes(response))
    return response
  } catch (error) {
    if (!call.ended) end(call, undefined, error === call.lastError)
    throw error
  }
}

/** One that somebody may abort ends then, whatever its middlewares do. */
const runAbortable = (call: LiveCall, chain: Chain): Promise<Response> =>
  new Promise<Response>((resolve, reject) => {
    const { signal, source } = call
    const { timeoutMs } = call.setting
    const caller = call.given.signal
    const finish = (returned: Response | undefined, all: boolean): void => {
      clearTimeout(timer)
      stopFollowing?.()
      stopListening()
      end(call, returned, all)
    }
    const stop = (): void => {
      finish(undefined, true)
      // As in `fetch`, whoever feeds the upload hears of the abort, even if nothing was sent yet.
      if (call.attempt === 0) source.cancel(signal.reason)
      reject(signal.reason)
    }
    const abort = (): void => call.controller?.abort(caller?.reason)
    const timer =
      timeoutMs === undefined
        ? undefined
        : later(() => call.controller?.abort(timeoutError('call', timeoutMs)), timeoutMs)
    const stopFollowing = caller && onAbort(caller, abort)
    const stopListening = onAbort(signal, stop)
    if (signal.aborted) {
      stop()
      return
    }
    const fail = (error: unknown): void => {
      if (call.ended) return
      finish(undefined, error === call.lastError)
      reject(error)
    }
    const work = async (): Promise<Response> => chain.run(source, call, send)
    work().then((response) => {
      if (!isResponse(response)) return fail(new NoResponseError(chain.by, response))
      if (call.ended) return discard(response)
      finish(response, call.responses.includes(response))
      resolve(response)
    }, fail)
  })

/** Runs the middlewares to the call's end. */
export const runCall = (call: LiveCall, chain: Chain): Promise<Response> =>
  call.canAbort ? runAbortable(call, chain) : runAlone(call, chain)
