import { outcomeOf, readAll, textOf, toldError } from './support.js'

const BYTES = 'application/x-probe'
const EVENTS = 'text/event-stream'

/** Ways to read a body, all of which end. */
const READ = {
  text: (response) => response.text(),
  arrayBuffer: async (response) => textOf(await response.arrayBuffer()),
  blob: async (response) => (await response.blob()).text(),
  bytes: async (response) => textOf(await response.bytes()),
  'a clone': async (response) => {
    const clone = response.clone()
    return [clone.url === response.url, await clone.text(), await response.text()]
  },
  'an iterator': async (response) => {
    let text = ''
    for await (const chunk of response.body) text += textOf(chunk)
    return text
  },
  'a pipe': (response) => readAll(response.body.pipeThrough(new TransformStream()).getReader()),
  'both branches of a tee': async (response) =>
    Promise.all(response.body.tee().map((branch) => readAll(branch.getReader()))),
  'a reader of buffers': async (response) => {
    const reader = response.body.getReader({ mode: 'byob' })
    const { value } = await reader.read(new Uint8Array(4))
    reader.releaseLock()
    return [textOf(value), await readAll(response.body.getReader())]
  },
}

const down = (type) => ({
  [`${type}: the first chunk before the second is sent`]: async ({ fetch, base, tell }) => {
    const response = await fetch(`${base}/stream/${type}`)
    const reader = response.body.getReader()
    const first = textOf((await reader.read()).value)
    await tell('release')
    return [first, await readAll(reader)]
  },

  ...Object.fromEntries(
    Object.entries(READ).map(([way, read]) => [
      `${type}: read by ${way}`,
      async ({ fetch, base, tell }) => {
        const response = await fetch(`${base}/stream/${type}`)
        await tell('release')
        return read(response).catch((error) => toldError(error, base))
      },
    ]),
  ),

  [`${type}: cancelled`]: async ({ fetch, base, wait }) => {
    const response = await fetch(`${base}/stream/${type}`)
    const reader = response.body.getReader()
    await reader.read()
    await reader.cancel('enough')
    return { closed: await wait('stream-closed') }
  },

  [`${type}: a Response as it came`]: async ({ make, base, tell }) => {
    const mark = Symbol('own')
    const responses = []
    const inner = async (input, init) => {
      const response = await globalThis.fetch(input, init)
      response[mark] = true
      responses.push(response)
      return response
    }
    const response = await make({ fetch: inner })(`${base}/stream/${type}`)
    await tell('release')
    const same = response === responses[0] && response[mark] === true
    return { same, text: await response.text() }
  },
})

/** An upload whose second chunk is made when the server has seen the first, if the runtime lets it. */
const uploading = ({ wait }) => {
  const seen = []
  let chunks = 0
  const body = new ReadableStream(
    {
      pull: async (controller) => {
        if (chunks === 1) seen.push(await wait('echo-sends'))
        controller.enqueue(new TextEncoder().encode('chunk '))
        if (++chunks === 2) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return { init: { method: 'POST', body, duplex: 'half' }, seen }
}

const failing = () => {
  let chunks = 0
  return new ReadableStream({
    pull: (controller) => {
      if (++chunks === 1) controller.enqueue(new TextEncoder().encode('chunk '))
      else controller.error(new RangeError('the source is broken'))
    },
  })
}

export const streams = {
  ...down(BYTES),
  ...down(EVENTS),

  'a large answer': ({ fetch, base }) => outcomeOf(() => fetch(`${base}/bytes/${2 ** 22}`), base),
  'a compressed answer': ({ fetch, base }) => outcomeOf(() => fetch(`${base}/gzip`), base),
  'an answer as a form': async ({ fetch, base }) => [...(await (await fetch(`${base}/form`)).formData())],
  'an answer as JSON': async ({ fetch, base }) => (await (await fetch(`${base}/echo`)).json()).method,
  'an answer that breaks off': async ({ fetch, base, tell }) => {
    const response = await fetch(`${base}/broken`)
    await tell('release')
    return outcomeOf(() => response, base)
  },

  'upload: sent as it is made': async ({ fetch, base, wait }) => {
    const { init, seen } = uploading({ wait })
    return [await outcomeOf(() => fetch(`${base}/echo`, init), base), seen]
  },
  'upload: of a Request, sent as it is made': async ({ fetch, base, wait }) => {
    const { init, seen } = uploading({ wait })
    return [await outcomeOf(() => fetch(new Request(`${base}/echo`, init)), base), seen]
  },
  'upload: the source breaks': ({ fetch, base }) =>
    outcomeOf(() => fetch(`${base}/echo`, { method: 'POST', body: failing(), duplex: 'half' }), base),
}
