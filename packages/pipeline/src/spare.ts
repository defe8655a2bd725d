/**
 * The bytes of a Request that can be read once, read beside its first attempt, so that it can be sent again. The Request
 * itself is sent as it is.
 */
export interface Spare {
  /** The bytes, once they are all there. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined
  /** Whether they never will be: too many, broken, or given up. */
  readonly lost: boolean
  /** Begins to read, if that was not begun. Settles when the bytes are there, or lost. */
  read(): Promise<void>
  /** Grace period for a body that is still being produced; 0 is one turn of the event loop. After it the bytes are lost. */
  settle(ms: number): Promise<void> | undefined
  /** Lets go of what was not read. */
  drop(reason?: unknown): void
}

/**
 * Takes a copy of a Request's body, whose Request keeps all that it had: its `body` is never looked at, as Deno frames
 * one otherwise that was. Undefined if there is none.
 */
export const newSpare = (request: Request, limitBytes: number): Spare | undefined => {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined
  const clone = request.clone()
  if (clone.body === null) return undefined
  // Firefox shows no `body`, and has none that is not in memory already.
  const reader = (clone.body as ReadableStream<Uint8Array> | undefined)?.getReader()
  let bytes: Uint8Array<ArrayBuffer> | undefined
  let lost = limitBytes === 0
  let reading: Promise<void> | undefined

  const drop = (reason?: unknown): void => {
    lost ||= bytes === undefined
    // Of the two branches of a tee, the other one goes on alone.
    reader?.cancel(reason).catch(() => undefined)
  }
  if (lost) drop()

  const work = async (): Promise<void> => {
    try {
      const all = reader ? await readAll(reader, limitBytes) : new Uint8Array(await clone.arrayBuffer())
      if (!lost && all && all.byteLength <= limitBytes) bytes = all
    } catch {
      // The body failed: so does the attempt that sends it.
    }
    drop()
  }

  return {
    get bytes() {
      return bytes
    },
    get lost() {
      return lost
    },
    read: async () => {
      if (!lost) await (reading ??= work())
    },
    settle: (ms) => {
      if (lost || bytes || !reading) return undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      // A true turn: Workers finish a body in none less.
      const turn = new Promise((resolve) => (timer = setTimeout(resolve, ms)))
      return Promise.race([reading, turn]).then(() => {
        clearTimeout(timer)
        if (!bytes) drop()
      })
    },
    drop,
  }
}

/** Undefined if it is more than `limitBytes`, or not of bytes. */
const readAll = async (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concat(chunks, size)
    // No body for a fetch, which will say so.
    if (!(value instanceof Uint8Array)) return undefined
    size += value.byteLength
    if (size > limitBytes) return undefined
    chunks.push(value)
  }
}

const concat = (chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}
