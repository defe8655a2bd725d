import { onAbort, type Peeked } from '@aplomb/pipeline'

/** How much of a body is read, and for how long. */
export interface PeekOptions {
  readonly bytes: number
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

/** Nothing in there is text. */
const BINARY = /^(?:image|audio|video|font)\/|octet-stream|^application\/(?:zip|gzip|pdf|x-protobuf|grpc)/i

const decode = (chunks: readonly Uint8Array[], contentType: string): string => {
  const charset = /charset\s{0,9}=\s{0,9}"?([\w-]{1,40})/i.exec(contentType)?.[1] ?? 'utf-8'
  let decoder: TextDecoder
  try {
    decoder = new TextDecoder(charset)
  } catch {
    decoder = new TextDecoder() // a charset nobody knows
  }
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
}

const NOTHING: Peeked = { text: '', whole: false }

/**
 * Undici before 7.29 cancels the unread body of an aborted fetch, and a rejection of that ends the process. Where a
 * clone was cancelled before, it does reject: the source has failed by then. The body is closed all the same, and so a
 * second call succeeds; of one that is locked, or had failed itself, it rejects as ever.
 */
const tolerant = (body: ReadableStream<unknown>): void => {
  const { cancel } = body
  const value = async (reason?: unknown): Promise<void> => {
    try {
      await cancel.call(body, reason)
    } catch {
      await cancel.call(body, reason)
    }
  }
  Reflect.defineProperty(body, 'cancel', { value, configurable: true, writable: true })
}

/**
 * Reads the beginning of a body and leaves the response as it was: same object, body unread and complete. Takes what
 * there is when the bound, the time or the signal is reached, or the stream fails.
 */
export const peek = async (
  response: Response,
  contentType: string,
  { bytes, ms, signal }: PeekOptions,
): Promise<Peeked> => {
  if (bytes === 0 || signal?.aborted || !response.body || response.bodyUsed || BINARY.test(contentType)) return NOTHING
  if (typeof response.clone !== 'function' || typeof response.body.getReader !== 'function' || response.body.locked)
    return NOTHING
  const reader = response.clone().body?.getReader()
  if (!reader) return NOTHING
  // Cloning has given the response another stream. From here on an abort may come before or after our cancel.
  tolerant(response.body)
  let stopped = false
  let whole = false
  // Not awaited anywhere: one branch of a tee is only cancelled when the other one is as well.
  const stop = (): void => {
    stopped = true
    reader.cancel().catch(() => {})
  }
  const timer = setTimeout(stop, ms)
  const stopListening = signal && onAbort(signal, stop)
  const chunks: Uint8Array[] = []
  try {
    for (let left = bytes; left > 0;) {
      const { done, value } = await reader.read()
      if (done) {
        // A cancelled reader is at an end, too.
        whole = !stopped
        break
      }
      if (!(value instanceof Uint8Array)) break
      chunks.push(value.subarray(0, left))
      left -= value.byteLength
    }
  } catch {
    // The stream failed; the caller's branch will say so.
  } finally {
    clearTimeout(timer)
    stopListening?.()
    if (!whole) stop()
  }
  return { text: decode(chunks, contentType), whole }
}
