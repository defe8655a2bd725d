/** How long nobody may read from an answer before its slot is given to somebody else: its reader may be gone, or its call aborted. */
const UNREAD_MS = 5000

/** Answers that go on for long after their headers. */
const ENDLESS = /^(text\/event-stream|application\/(x-)?ndjson|application\/jsonl|application\/stream\+json)\b/i

/** Whether the server is still at work on this answer after its headers. */
export const isStream = (response: Response): boolean => ENDLESS.test(response.headers?.get('content-type') ?? '')

/**
 * Calls `end` once the body is read, cancelled or broken, or when nobody has read from it for a while. A body can
 * only be watched from within, so this is the one place where a Response is wrapped; it shows what the first showed.
 */
export const whenRead = (response: Response, end: () => void): Response => {
  if (!response.body || response.bodyUsed) {
    end()
    return response
  }
  const reader = response.body.getReader()
  /** While the server is waited for, somebody reads. */
  let reading = false
  let readAt = performance.now()
  let timer: ReturnType<typeof setTimeout>
  const watch = (ms: number): void => {
    timer = setTimeout(look, Math.ceil(ms))
    // A server-side runtime must be able to exit meanwhile; elsewhere a timer is a number.
    if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
  }
  const look = (): void => {
    const leftMs = reading ? UNREAD_MS : readAt + UNREAD_MS - performance.now()
    if (leftMs > 0) watch(leftMs)
    else end()
  }
  watch(UNREAD_MS)
  const done = (): void => {
    clearTimeout(timer)
    end()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reading = true
        try {
          const { done: over, value } = await reader.read()
          if (!over) return controller.enqueue(value)
          done()
          controller.close()
        } catch (error) {
          done()
          throw error
        } finally {
          reading = false
          readAt = performance.now()
        }
      },
      cancel(reason) {
        done()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  const watched = new Response(body, response)
  for (const name of ['url', 'redirected', 'type'] as const)
    Object.defineProperty(watched, name, { value: response[name] })
  return watched
}
