import { Readable } from 'node:stream'

/** Standard and not: what runtimes take as an init although the DOM's types do not know all of it. */
export const init = (members: Record<string, unknown>): RequestInit => members

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

export const TEXT = 'the quick brown fox: \u00e4\u20ac'
const HALVES = [bytes(TEXT.slice(0, 9)), bytes(TEXT.slice(9))]

async function* iterate<T>(parts: readonly T[]): AsyncGenerator<T> {
  yield* parts
}

const form = (): FormData => {
  const made = new FormData()
  made.append('text', TEXT)
  made.append('file', new File([TEXT], 'fox.txt', { type: 'text/x-fox' }))
  made.append('text', 'again')
  return made
}

export const streamOf = (parts: readonly unknown[]): ReadableStream<unknown> =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })

/** A part of a larger buffer: whoever sends all of it sends too much. */
const window = (): Uint8Array<ArrayBuffer> => {
  const whole = bytes(`###${TEXT}###`)
  return whole.subarray(3, whole.byteLength - 3)
}

/** Bodies that can be sent again, each made anew. */
export const REPLAYABLE: Readonly<Record<string, () => unknown>> = {
  string: () => TEXT,
  'empty string': () => '',
  Uint8Array: () => bytes(TEXT),
  'part of a buffer': window,
  Buffer: () => Buffer.from(TEXT),
  Float64Array: () => new Float64Array([1, 2.5, -3]),
  ArrayBuffer: () => bytes(TEXT).buffer,
  DataView: () => new DataView(window().buffer, 3, bytes(TEXT).byteLength),
  Blob: () => new Blob([TEXT], { type: 'text/x-fox' }),
  'Blob without a type': () => new Blob([TEXT]),
  File: () => new File([TEXT], 'fox.txt', { type: 'text/x-fox' }),
  FormData: form,
  'empty FormData': () => new FormData(),
  URLSearchParams: () =>
    new URLSearchParams([
      ['q', TEXT],
      ['q', '2'],
    ]),
  'String object': () => Object(TEXT) as unknown,
  number: () => 42,
  object: () => ({ a: 1 }),
}

/** Bodies that can be sent once, each made anew. */
export const ONE_SHOT: Readonly<Record<string, () => unknown>> = {
  ReadableStream: () => streamOf(HALVES),
  'byte stream': () =>
    new ReadableStream({
      type: 'bytes',
      start(controller) {
        for (const half of HALVES) controller.enqueue(half.slice())
        controller.close()
      },
    }),
  'stream of strings': () => streamOf([TEXT.slice(0, 9), TEXT.slice(9)]),
  'empty stream': () => streamOf([]),
  'stream of a Response': () => new Response(TEXT).body,
  'async iterable': () => iterate(HALVES),
  'async iterable of strings': () => iterate([TEXT.slice(0, 9), TEXT.slice(9)]),
  'Node Readable': () => Readable.from(HALVES, { objectMode: false }),
  'Node Readable of strings': () => Readable.from([TEXT.slice(0, 9), TEXT.slice(9)]),
  'web stream of a Node Readable': () => Readable.toWeb(Readable.from(HALVES, { objectMode: false })),
}

export const BODIES: Readonly<Record<string, () => unknown>> = { ...REPLAYABLE, ...ONE_SHOT }

/** An init that posts this body, with what `fetch` demands for a one-shot one. */
export const posting = (name: string, more: Record<string, unknown> = {}): RequestInit =>
  init({ method: 'POST', body: BODIES[name]!(), ...(name in ONE_SHOT ? { duplex: 'half' } : {}), ...more })

/** The boundary of a form differs from send to send: what matters is that header and body agree. */
export const sameBoundary = (text: string): string => text.replaceAll(/-+formdata-undici-\d+/g, 'BOUNDARY')
