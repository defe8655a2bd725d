type Bytes = Uint8Array<ArrayBuffer>
type Body = ReadableStream<Bytes>

/** Pulled only when read: nothing here runs ahead of its reader. */
const LAZY = { highWaterMark: 0 }

/** The error of a connection that broke, as undici words it. */
export const connectionReset = (): TypeError =>
  new TypeError('fetch failed', {
    cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }),
  })

/** The error of a body whose connection ended before its time, as undici words it. */
const terminated = (): TypeError =>
  new TypeError('terminated', { cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }) })

/** One chunk every `everyMs`, `make(index)` giving each. */
export const paced = (count: number, everyMs: number, make: (index: number) => Bytes): Body => {
  let index = 0
  return delayed(
    new ReadableStream<Bytes>(
      {
        pull(controller) {
          controller.enqueue(make(index++))
          if (index >= count) controller.close()
        },
      },
      LAZY,
    ),
    everyMs,
  )
}

/** One chunk for each frame, made when it is asked for. */
export const frames = (events: readonly string[]): Body => {
  const encoder = new TextEncoder()
  let index = 0
  return new ReadableStream<Bytes>(
    {
      pull(controller) {
        const frame = events[index++]
        if (frame !== undefined) controller.enqueue(encoder.encode(frame))
        if (index >= events.length) controller.close()
      },
    },
    LAZY,
  )
}

/** The same bytes in ten pieces over `durationMs`. */
export const dribbled = (bytes: Bytes, durationMs: number): Body => {
  const size = Math.max(1, Math.ceil(bytes.length / 10))
  const count = Math.max(1, Math.ceil(bytes.length / size))
  return paced(count, durationMs / count, (index) => bytes.slice(index * size, (index + 1) * size))
}

/** Every chunk of `source`, each `everyMs` after it was asked for. */
export const delayed = (source: Body, everyMs: number): Body => {
  const reader = source.getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        await new Promise((resolve) => (timer = setTimeout(resolve, everyMs)))
        controller.enqueue(value)
      },
      cancel(reason) {
        clearTimeout(timer)
        return reader.cancel(reason)
      },
    },
    LAZY,
  )
}

/** The first chunk of `source` and no more. */
export const firstOnly = (source: Body): Body => {
  const reader = source.getReader()
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { value } = await reader.read()
        if (value !== undefined) controller.enqueue(value)
        controller.close()
        await reader.cancel()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    LAZY,
  )
}

/** `source`, told about its end: `ended` runs once, when the body was read, cancelled, aborted or broke. */
export const watched = (
  source: Body,
  signal: AbortSignal | null | undefined,
  cut: boolean,
  ended: () => void,
): Body => {
  const reader = source.getReader()
  const over = new AbortController()
  const end = () => {
    over.abort()
    ended()
  }
  return new ReadableStream<Bytes>(
    {
      start(controller) {
        const onAbort = () => {
          end()
          controller.error(signal?.reason)
          reader.cancel(signal?.reason).catch(() => {})
        }
        signal?.addEventListener('abort', onAbort, { once: true, signal: over.signal })
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          if (cut) throw terminated()
          end()
          controller.close()
        } catch (error) {
          end()
          throw error
        }
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    LAZY,
  )
}
