import { clock, later } from '@aplomb/pipeline'

/** How long nobody may read from an answer before its slot is given to somebody else: its reader may be gone, or its call aborted. */
const UNREAD_MS = 5000

/** Answers that go on for long after their headers. */
const ENDLESS = /^(text\/event-stream|application\/(x-)?ndjson|application\/jsonl|application\/stream\+json)\b/i

/** Whether the server is still at work on this answer after its headers. */
export const isStream = (response: Response | undefined): boolean => {
  const headers = response?.headers
  // A test double's may be of any sort.
  return typeof headers?.get === 'function' && ENDLESS.test(headers.get('content-type') ?? '')
}

/** Whoever reads from a body, and whoever waits for that to end. */
interface Watch {
  /** Somebody waits for the server. */
  begin(): void
  /** What was waited for has come. */
  pause(): void
  done(): void
}

const newWatch = (end: () => void): Watch => {
  let reading = 0
  let readAt = clock()
  let timer: ReturnType<typeof setTimeout> | undefined
  const watch = (ms: number): void => {
    timer = later(look, Math.ceil(ms))
    // A server-side runtime must be able to exit meanwhile; elsewhere a timer is a number.
    if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
  }
  const look = (): void => {
    const leftMs = reading > 0 ? UNREAD_MS : readAt + UNREAD_MS - clock()
    if (leftMs > 0) watch(leftMs)
    else end()
  }
  watch(UNREAD_MS)
  let over = false
  return {
    begin: () => {
      reading++
    },
    pause: () => {
      reading--
      readAt = clock()
    },
    done: () => {
      if (over) return
      over = true
      clearTimeout(timer)
      end()
    },
  }
}

type Method = (...args: unknown[]) => unknown

/** Gives an object a method of its own in front of the one that it has. */
const intercept = (target: object, name: string | symbol, around: (original: Method) => Method): void => {
  const original = (target as Record<string | symbol, unknown>)[name]
  if (typeof original !== 'function') return
  const value = around((...args) => Reflect.apply(original, target, args) as unknown)
  // Somebody may have frozen it.
  Reflect.defineProperty(target, name, { value, configurable: true, writable: true })
}

/** Reads to the end. */
const whole =
  (watch: Watch) =>
  (original: Method): Method =>
  (...args) => {
    const all = original(...args) as Promise<unknown>
    watch.begin()
    all.then(watch.done, watch.done)
    return all
  }

/** Reads a part, as readers and iterators do. */
const part =
  (watch: Watch) =>
  (original: Method): Method =>
  (...args) => {
    const one = original(...args) as Promise<{ readonly done?: boolean }>
    watch.begin()
    one.then(({ done }) => {
      watch.pause()
      if (done) watch.done()
    }, watch.done)
    return one
  }

const last =
  (watch: Watch) =>
  (original: Method): Method =>
  (...args) => {
    watch.done()
    return original(...args)
  }

const watchReader = (reader: object, watch: Watch): object => {
  intercept(reader, 'read', part(watch))
  intercept(reader, 'cancel', last(watch))
  return reader
}

const watchIterator = (iterator: object, watch: Watch): object => {
  intercept(iterator, 'next', part(watch))
  intercept(iterator, 'return', last(watch))
  return iterator
}

const watchBody = (body: ReadableStream, watch: Watch): void => {
  intercept(
    body,
    'getReader',
    (get) =>
      (...args) =>
        watchReader(get(...args) as object, watch),
  )
  for (const name of ['values', Symbol.asyncIterator])
    intercept(
      body,
      name,
      (iterate) =>
        (...args) =>
          watchIterator(iterate(...args) as object, watch),
    )
  intercept(body, 'pipeTo', whole(watch))
  intercept(body, 'pipeThrough', (original) => (...args) => {
    const [through, options] = args as [ReadableWritablePair, StreamPipeOptions]
    // Nobody hears from the platform's own when it ends; what it refuses, it refuses itself.
    if (body.locked || !(through?.writable instanceof WritableStream) || through.writable.locked)
      return original(...args)
    body.pipeTo(through.writable, options).catch(() => undefined)
    return through.readable
  })
  intercept(body, 'tee', (tee) => () => {
    const both = tee() as ReadableStream[]
    for (const one of both) watchBody(one, watch)
    return both
  })
  intercept(body, 'cancel', last(watch))
}

const watchResponse = (response: Response, watch: Watch): void => {
  if (response.body) watchBody(response.body, watch)
  for (const name of ['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData'])
    intercept(response, name, whole(watch))
  intercept(response, 'clone', (clone) => () => {
    const other = clone() as Response
    watchResponse(other, watch)
    // A clone leaves the first with another body.
    if (response.body) watchBody(response.body, watch)
    return other
  })
}

/** A reader that waits for the server may be dropped. */
const dropped = new FinalizationRegistry<() => void>((end) => end())

/**
 * Calls `end` once the body is read, cancelled or broken, or when nobody has read from it for a while. The Response stays
 * what it is: one that was made anew would lose its `url`, own properties, and byte reader.
 */
export const whenRead = (response: Response | undefined, end: () => void): void => {
  const body = response?.body
  // Other implementations have bodies of another sort.
  if (!body || response.bodyUsed || typeof body.getReader !== 'function') return end()
  const watch = newWatch(end)
  watchResponse(response, watch)
  dropped.register(body, watch.done)
}
