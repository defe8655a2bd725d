/** How much of a body is copied: more than any answer that tells its cost, and nothing that a process could die of. */
const COPY_BYTES = 16 * 1024 * 1024

/** The clones that a function makes of a response: read by it, and ended by us. */
export interface Copies {
  /** Runs the function. What it clones later is its own. */
  during<T>(run: () => T): T
  /** Ends those that are still open, with an error for whoever reads them. */
  end(reason?: unknown): void
  /** Whether one was ended before its body. */
  isCut(): boolean
}

/**
 * Undici before 7.29 cancels the unread body of an aborted fetch, and a rejection of that ends the process. Where a
 * clone was cancelled before, it does reject, although the body is closed: a second call succeeds.
 */
const tolerant = (body: ReadableStream<unknown>): void => {
  const { cancel } = body
  const value = (reason?: unknown): Promise<void> => cancel.call(body, reason).catch(() => cancel.call(body, reason))
  Reflect.defineProperty(body, 'cancel', { value, configurable: true, writable: true })
}

/** What is cloned and not read to its end makes the platform keep all that its sibling reads: so clones are ended. */
export const copiesOf = (response: Response): Copies => {
  const original = response.clone
  const open = new Set<(reason: unknown) => void>()
  let isCut = false

  const end = (reason?: unknown): void => {
    if (open.size > 0) isCut = true
    for (const stop of open) stop(reason)
  }

  const clone = (): Response => {
    const whole = original.call(response)
    const reader = whole.body?.getReader()
    if (!reader) return whole
    let left = COPY_BYTES
    let stop: (reason: unknown) => void
    const cancel = (reason: unknown): void => {
      open.delete(stop)
      if (response.body && !response.bodyUsed) tolerant(response.body)
      // Not awaited: it ends when the caller's branch does.
      reader.cancel(reason).catch(() => undefined)
    }
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          stop = (reason) => {
            controller.error(reason)
            cancel(reason)
          }
          open.add(stop)
        },
        async pull(controller) {
          try {
            const { done, value } = await reader.read()
            if (done) {
              open.delete(stop)
              return controller.close()
            }
            left -= value.byteLength
            if (left < 0) return end(new RangeError(`copies are ${COPY_BYTES} bytes at most`))
            controller.enqueue(value)
          } catch (error) {
            isCut = true
            open.delete(stop)
            throw error
          }
        },
        cancel,
      },
      { highWaterMark: 0 },
    )
    const copy = new Response(body, whole)
    for (const name of ['url', 'redirected', 'type'] as const)
      Object.defineProperty(copy, name, { value: response[name] })
    return copy
  }

  return {
    end,
    isCut: () => isCut,
    during: (run) => {
      const own = Object.getOwnPropertyDescriptor(response, 'clone')
      const ours = { value: clone, configurable: true }
      // A test double may have none, or be frozen.
      const isIn = typeof original === 'function' && Reflect.defineProperty(response, 'clone', ours)
      try {
        return run()
      } finally {
        if (isIn && own) Object.defineProperty(response, 'clone', own)
        else if (isIn) Reflect.deleteProperty(response, 'clone')
      }
    },
  }
}
