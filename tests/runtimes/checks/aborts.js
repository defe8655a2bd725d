import { outcomeOf, readAll, toldError } from './support.js'

/** A call of ours that is aborted rejects with the signal's own reason, even where the runtime's fetch has one like it. */
const callEnds = async (call, signal, { kind, base }) => {
  try {
    return { answered: (await call).status }
  } catch (error) {
    return kind === 'bare' || error === signal.reason ? 'with the reason' : toldError(error, base)
  }
}

/** Reading is the runtime's own matter. */
const readingEnds = async (reading, signal, { base }) => {
  try {
    return { read: await reading }
  } catch (error) {
    return { isReason: error === signal.reason, ...toldError(error, base) }
  }
}

const REASONS = {
  'without a reason': () => [],
  'with an Error': () => [new Error('stop')],
  'with a string': () => ['stop'],
  'with null': () => [null],
  'with a TimeoutError': () => [new DOMException('late', 'TimeoutError')],
}

const LONG = { backoffJitter: { baseMs: 60_000, maxMs: 60_000 } }

/** A wait of aplomb is compared with bare fetch in flight: a caller must not see a difference. */
const waiting =
  (path, options) =>
  async ({ make, aside, kind, wait, ping }, { signal }) => {
    const place = kind === 'aplomb' ? path : 'hang'
    const call = make(options)(`${aside}/${place}`, { signal })
    await wait(`${place.split('/')[0]}-came`)
    await ping()
    await ping()
    return { call }
  }

/** Each brings a call to a point, and gives what should reject once the signal fires. */
const POINTS = {
  before: async ({ fetch, base }, { signal, abort }) => {
    abort()
    return { call: fetch(`${base}/echo`, { signal }) }
  },
  'in the same turn': async ({ fetch, aside }, { signal }) => ({ call: fetch(`${aside}/hang`, { signal }) }),
  'in flight': async ({ fetch, aside, wait }, { signal }) => {
    const call = fetch(`${aside}/hang`, { signal })
    await wait('hang-came')
    return { call, closes: 'hang-closed' }
  },
  'in flight, of a Request': async ({ fetch, aside, wait }, { signal }) => {
    const call = fetch(new Request(`${aside}/hang`, { signal }))
    await wait('hang-came')
    return { call, closes: 'hang-closed' }
  },
  'in flight, of a POST': async ({ fetch, aside, wait }, { signal }) => {
    const call = fetch(`${aside}/hang`, { method: 'POST', body: 'body', signal })
    await wait('hang-came')
    return { call, closes: 'hang-closed' }
  },
  'while queued': async ({ make, aside, wait, ping }, { signal }) => {
    const fetch = make({ concurrencyGate: { limit: 1 } })
    const first = new AbortController()
    const other = fetch(`${aside}/hang`, { signal: first.signal }).catch(() => undefined)
    await wait('hang-came')
    const call = fetch(`${aside}/stall`, { signal })
    await ping()
    const after = async () => {
      first.abort()
      await other
      // No place in the line is left behind.
      const response = await fetch(`${aside}/echo`)
      return response.status
    }
    return { call, after }
  },
  'while backing off': waiting('status/503', LONG),
  'while on hold': waiting('hold', {}),
  'while a stream is read': async ({ fetch, aside }, { signal }) => {
    const response = await fetch(`${aside}/stream/application/x-probe`, { signal })
    const reader = response.body.getReader()
    await reader.read()
    return { reading: reader.read(), closes: 'stream-closed' }
  },
  'while events are read': async ({ fetch, aside }, { signal }) => {
    const response = await fetch(`${aside}/stream/text/event-stream`, { signal })
    const reader = response.body.getReader()
    await reader.read()
    return { reading: reader.read(), closes: 'stream-closed' }
  },
  'while a text is read': async ({ fetch, aside }, { signal }) => {
    const response = await fetch(`${aside}/stream/text/plain`, { signal })
    return { reading: response.text(), closes: 'stream-closed' }
  },
}

const entries = Object.entries(POINTS).map(([point, reach]) => [
  `abort ${point}`,
  async (context) => {
    const outcomes = {}
    for (const [name, reason] of Object.entries(REASONS)) {
      const controller = new AbortController()
      const { signal } = controller
      const abort = () => controller.abort(...reason())
      const { call, reading, closes, after } = await reach(context, { signal, abort })
      if (!signal.aborted) abort()
      outcomes[name] = [
        await (call ? callEnds(call, signal, context) : readingEnds(reading, signal, context)),
        closes && (await context.wait(closes)),
        await after?.(),
      ]
    }
    return outcomes
  },
])

export const aborts = {
  ...Object.fromEntries(entries),

  'abort with the body unread': async (context) => {
    const { fetch, aside, wait } = context
    const controller = new AbortController()
    const { signal } = controller
    const response = await fetch(`${aside}/stream/text/plain`, { signal })
    controller.abort()
    return [await readingEnds(response.text(), signal, context), await wait('stream-closed')]
  },

  'abort after the end': async ({ fetch, base }) => {
    const controller = new AbortController()
    const response = await fetch(`${base}/echo`, { signal: controller.signal })
    const clone = response.clone()
    await response.text()
    controller.abort()
    return outcomeOf(() => clone, base)
  },

  'abort of an upload': async (context) => {
    const { fetch, aside, wait } = context
    const controller = new AbortController()
    const { signal } = controller
    let cancelled = 'never'
    const body = new ReadableStream({
      start: (stream) => stream.enqueue(new TextEncoder().encode('chunk')),
      cancel: (reason) => {
        cancelled = reason === signal.reason ? 'with the reason' : 'with another reason'
      },
    })
    const call = fetch(`${aside}/echo`, { method: 'POST', body, duplex: 'half', signal })
    call.catch(() => undefined)
    // Browsers refuse it on such a connection, and then it was not the abort.
    const sends = await wait('echo-sends')
    controller.abort()
    const end = await (sends ? callEnds(call, signal, context) : outcomeOf(() => call, context.base))
    // Of one that was refused before, the abort may come too late to end anything.
    return [end, sends && (await wait('echo-closed')), sends && cancelled]
  },

  'time-out in flight': async (context) => {
    const signal = AbortSignal.timeout(50)
    return callEnds(context.fetch(`${context.aside}/hang`, { signal }), signal, context)
  },

  'time-out while a stream is read': async (context) => {
    const signal = AbortSignal.timeout(300)
    const response = await context.fetch(`${context.aside}/stream/text/plain`, { signal })
    return readingEnds(readAll(response.body.getReader()), signal, context)
  },

  'one signal, 200 calls': async ({ fetch, base }) => {
    const { signal } = new AbortController()
    const statuses = new Set()
    for (let round = 0; round < 50; round++) {
      const calls = Array.from({ length: 4 }, async () => {
        const response = await fetch(`${base}/echo`, { signal })
        await response.text()
        statuses.add(response.status)
      })
      await Promise.all(calls)
    }
    return [...statuses]
  },

  'one signal, 200 calls: listeners do not grow': async ({ make }) => {
    const { signal } = new AbortController()
    const listeners = countListeners(signal)
    const fetch = make({ fetch: async () => new Response('ok') })
    const counts = []
    for (let call = 1; call <= 200; call++) {
      await (await fetch('http://127.0.0.1/', { signal })).text()
      if (call % 100 === 0) counts.push(listeners())
    }
    return { grows: counts[1] > counts[0] }
  },
}

/** Node, Bun and Deno tell; elsewhere those that JavaScript adds are counted. */
const countListeners = (signal) => {
  const { getEventListeners } = globalThis.process?.getBuiltinModule?.('node:events') ?? {}
  if (getEventListeners) return () => getEventListeners(signal, 'abort').length
  let count = 0
  for (const [name, step] of [
    ['addEventListener', 1],
    ['removeEventListener', -1],
  ]) {
    const method = signal[name]
    signal[name] = (...args) => {
      count += step
      return method.apply(signal, args)
    }
  }
  return () => count
}
