/** How long an answer may go unread before its slot is given to somebody else. */
const UNREAD_MS = 5000

/** Answers that go on for long after their headers. */
const ENDLESS = /^(text\/event-stream|application\/(x-)?ndjson|application\/jsonl|application\/stream\+json)\b/i

/** Whether the server is still at work on this answer after its headers. */
export const isStream = (response: Response): boolean => ENDLESS.test(response.headers?.get('content-type') ?? '')

/**
 * Calls `end` once the body is read, cancelled or broken, or when nobody has begun to read it for a while. A body can
 * only be watched from within, so this is the one place where a Response is wrapped; it shows what the first showed.
 */
export const whenRead = (response: Response, end: () => void): Response => {
  if (!response.body || response.bodyUsed) {
    end()
    return response
  }
  const reader = response.body.getReader()
  const timer = setTimeout(end, UNREAD_MS)
  // A server-side runtime must be able to exit meanwhile; elsewhere a timer is a number.
  if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
  const done = (): void => {
    clearTimeout(timer)
    end()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(timer)
        try {
          const { done: over, value } = await reader.read()
          if (!over) return controller.enqueue(value)
          done()
          controller.close()
        } catch (error) {
          done()
          throw error
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
