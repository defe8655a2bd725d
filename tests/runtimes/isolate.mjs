// What a module-level `aplomb()` does in Workers, where requests share it, but neither their timers nor their promises.
import { readFileSync } from 'node:fs'
import { bundle } from './packed.mjs'

const LATENCY_MS = 50
/** Twice as long as what is in flight is taken for lost. */
const PATIENCE_MS = 60_000

const serve = async (folder) => {
  const { Miniflare, Response } = await import('miniflare')
  const contents = readFileSync(
    await bundle(folder, 'isolate', { conditions: ['workerd', 'worker', 'browser'] }),
    'utf8',
  )
  let held = false
  const said = []
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'isolate.js', contents }],
    compatibilityDate: '2026-04-01',
    handleRuntimeStdio: (...streams) => {
      for (const stream of streams) stream.setEncoding('utf8').on('data', (text) => said.push(text))
    },
    outboundService: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname.endsWith('hold') && !held) {
        held = true
        return new Response('no', { status: 429, headers: { 'retry-after': '1' } })
      }
      if (pathname.endsWith('hang')) await new Promise(() => undefined)
      await new Promise((resolve) => void setTimeout(resolve, LATENCY_MS))
      return new Response('ok')
    },
  })
  await miniflare.ready
  const get = async (path, init) => {
    const response = await miniflare.dispatchFetch(`http://worker/${path}`, init)
    return `${response.status} ${await response.text()}`
  }
  return { get, said, close: () => miniflare.dispose() }
}

const within = (ms, work) => {
  const late = Promise.withResolvers()
  const timer = setTimeout(() => late.resolve(['no end']), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}

const many = (count, send) => Promise.all(Array.from({ length: count }, (_, i) => send(i).catch(String)))
const wrong = (answers) => [...new Set(answers)].filter((answer) => answer !== '200 ok')

const CHECKS = {
  'many requests at once': ({ get }) => many(50, (i) => get(`auto/${i}`)),
  'those that wait for a slot': ({ get }) => many(20, (i) => get(`two/${i}`)),
  'those that wait for a hold': ({ get }) => many(10, () => get('auto/hold')),
  'a client that goes away with a slot': async ({ get }) => {
    const controller = new AbortController()
    const gone = many(2, () => get('two/hang', { signal: controller.signal }))
    await get('auto/meanwhile')
    const others = many(5, (i) => get(`two/behind-${i}`))
    await get('auto/meanwhile')
    controller.abort()
    await gone
    return others
  },
}

export const isolateChecks = async (folder) => {
  const worker = await serve(folder)
  try {
    const results = []
    for (const [check, run] of Object.entries(CHECKS))
      results.push({ check, problems: wrong(await within(PATIENCE_MS, run(worker))) })
    return [...results, { check: 'nothing is said', problems: worker.said }]
  } finally {
    await worker.close()
  }
}
