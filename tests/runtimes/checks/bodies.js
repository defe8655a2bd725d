import { again, outcomeOf } from './support.js'

// The last is above what is kept of the body of a Request.
const SIZES = [10, 2 ** 16, 900_000, 2 ** 22]
const KEPT_BYTES = 2 ** 20

const CHUNK_BYTES = 2 ** 16
const PATTERN = Uint8Array.from({ length: CHUNK_BYTES }, (_, i) => (i * 31) % 251)

const chunks = function* (size) {
  for (let left = size; left > 0; left -= CHUNK_BYTES) yield PATTERN.slice(0, left)
}

const bytes = (size, before = 0, after = 0) => {
  const filled = new Uint8Array(before + size + after)
  let at = before
  for (const chunk of chunks(size)) {
    filled.set(chunk, at)
    at += chunk.length
  }
  return filled.subarray(before, before + size)
}

const stream = (size) => {
  const source = chunks(size)
  return new ReadableStream({
    pull: (controller) => {
      const { done, value } = source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}

const form = (size) => {
  const data = new FormData()
  data.append('field', 'wört')
  data.append('file', new Blob([bytes(size)], { type: 'image/png' }), 'picture.png')
  return data
}

const KINDS = {
  string: (size) => 'é'.padEnd(size - 1, '0123456789 abcdef&=%'),
  // A part of a larger buffer.
  Uint8Array: (size) => bytes(size, 10, 10),
  ArrayBuffer: (size) => bytes(size).buffer,
  Blob: (size) => new Blob([bytes(size)], { type: 'application/x-probe' }),
  FormData: form,
  URLSearchParams: (size) => new URLSearchParams({ é: '& =', b: ''.padEnd(size, '0123456789') }),
  ReadableStream: stream,
  'async iterable': async function* iterate(size) {
    yield* chunks(size)
  },
}
const ONE_SHOT = new Set(['ReadableStream', 'async iterable'])

/** Ways to hand over a URL and an init with a body. */
const SIDES = {
  'in init': (fetch, url, init) => fetch(url, init),
  'in init, beside a Request': (fetch, url, { body, method, duplex = 'half' }) =>
    fetch(new Request(url, { method }), { body, duplex }),
  'in a Request': (fetch, url, init) => fetch(new Request(url, init)),
}

const put = (fetch, url, { side, kind, size }) =>
  SIDES[side](fetch, url, {
    method: 'PUT',
    body: KINDS[kind](size),
    ...(ONE_SHOT.has(kind) && { duplex: 'half' }),
  })

/** Each size is refused once, and sent again; what can be sent once only is not. */
const repeated =
  (side, kind) =>
  async ({ make, base, kind: sender }) => {
    const outcomes = []
    for (const size of SIZES) {
      const fetch = make()
      const canReplay = !ONE_SHOT.has(kind) && !(side === 'in a Request' && size > KEPT_BYTES)
      const send = async () => put(fetch, `${base}/flaky/${size}`, { side, kind, size })
      outcomes.push(await outcomeOf(() => (canReplay ? again(sender, send) : send()), base))
    }
    return outcomes
  }

/** What has arrived, if it was taken. */
const arrivalOf = async (send) => {
  try {
    const response = await send()
    return response.ok ? (await response.json()).sha256 : 'handed over'
  } catch (error) {
    return String(error)
  }
}

/**
 * A Request does not tell what its body was made from: a stream in it may be sent again, but then whole. Browsers take
 * it as bytes only, so that there the repetition succeeds where bare fetch fails.
 */
const whole =
  (side, kind) =>
  async ({ make, aside }) => {
    const outcomes = []
    for (const size of SIZES) {
      const bare = (...args) => globalThis.fetch(...args)
      const arrival = await arrivalOf(() => put(make(), `${aside}/flaky/${size}`, { side, kind, size }))
      const right = [
        'handed over',
        await arrivalOf(() => put(bare, `${aside}/echo`, { side, kind, size })),
        await arrivalOf(() => put(bare, `${aside}/echo`, { side: 'in init', kind: 'ArrayBuffer', size })),
      ]
      outcomes.push(right.includes(arrival) || arrival)
    }
    return outcomes
  }

const named = (side, kind) => [
  `body ${side}: ${kind}`,
  side === 'in a Request' && ONE_SHOT.has(kind) ? whole(side, kind) : repeated(side, kind),
]

export const bodies = Object.fromEntries([
  ...Object.keys(KINDS).map((kind) => named('in init', kind)),
  ...Object.keys(KINDS).map((kind) => named('in a Request', kind)),
  ...['string', 'ReadableStream'].map((kind) => named('in init, beside a Request', kind)),
])
