// Pictures of real runs, on a clock that is turned by hand: the same for the same code. `node docs/site/pictures.mjs` writes them
// to docs/pictures, where the READMEs find them.
import * as Plot from '@observablehq/plot'
import { JSDOM } from 'jsdom'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createMockApi } from '../../packages/mock-api/src/index.ts'
import { aplomb } from '../../packages/aplomb/src/index.ts'
import { drive, onClock } from '../../packages/bench/src/sim/simulate.ts'
import { root } from './assemble.mjs'

const CALLS = 400
const API = {
  windows: [{ limit: 20, windowMs: 1000 }],
  concurrency: 5,
  latencyMs: [50, 150],
  outages: [{ fromMs: 8000, toMs: 10_000, status: 503 }],
  credits: { balance: 10_000 },
}

/** The loop that everybody writes: what is not ok is sent again after 0.5, 1 and 2 seconds, then it has failed. */
const naive = (inner) => async (url) => {
  for (let attempt = 0; ; attempt++) {
    const response = await inner(url)
    if (response.ok || attempt === 3) return response
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt))
  }
}

const CLIENTS = { 'a retry loop': naive, aplomb: (fetch) => aplomb({ fetch, log: false }) }

/** What the server answered when, and how many calls got what they wanted. */
const run = (client) =>
  onClock(1, async (clock) => {
    const api = createMockApi({ ...API, seed: 1 })
    const answers = []
    const began = performance.now()
    const fetch = CLIENTS[client](async (input, init) => {
      const response = await api.fetch(input, init)
      answers.push({ client, at: (performance.now() - began) / 1000, status: response.status })
      return response
    })
    let answered = 0
    const call = async (_, i) => {
      const response = await fetch(`https://api.test/v1/lookup/10.0.${i >> 8}.${i & 255}`)
      if (response.ok) answered++
      await response.arrayBuffer()
    }
    await drive(clock, Promise.all(Array.from({ length: CALLS }, call)))
    return { client, answers, answered, seconds: (performance.now() - began) / 1000 }
  })

const INK = {
  light: { text: '#3c3c43', quiet: '#767680', lines: ['#b8424a', '#23734a'], outage: '#e9e9ee' },
  dark: { text: '#dfdfd6', quiet: '#98989f', lines: ['#e0707a', '#4fbf83'], outage: '#2c2c33' },
}

/** How many calls have their answer, by time. */
const draw = (runs, scheme) => {
  const { document } = new JSDOM('').window
  const { text, quiet, lines, outage } = INK[scheme]
  const last = Math.ceil(Math.max(...runs.map(({ seconds }) => seconds)))
  const steps = ({ client, answers }) => {
    const good = answers.filter(({ status }) => status === 200)
    const points = good.map(({ at }, i) => ({ client, at, count: i + 1 }))
    return [{ client, at: 0, count: 0 }, ...points, { client, at: last, count: good.length }]
  }
  const [{ fromMs, toMs }] = API.outages
  const svg = Plot.plot({
    document,
    width: 760,
    height: 320,
    marginLeft: 40,
    marginTop: 16,
    marginBottom: 36,
    style: { color: text, background: 'transparent', fontFamily: 'system-ui, sans-serif', fontSize: '14px' },
    x: { label: 'seconds', labelArrow: false, domain: [0, last], ticks: 8 },
    y: { label: null, domain: [0, CALLS], ticks: 5, grid: true },
    color: { domain: runs.map(({ client }) => client), range: lines },
    marks: [
      Plot.rectX([0], { x1: fromMs / 1000, x2: toMs / 1000, fill: outage }),
      Plot.text(['down'], { x: (fromMs + toMs) / 2000, y: CALLS, dy: 10, fill: quiet }),
      Plot.line(runs.flatMap(steps), { x: 'at', y: 'count', stroke: 'client', strokeWidth: 3, curve: 'step-after' }),
      // Beside the end of each line: below one that has risen, above one that has not.
      ...runs.map((one) =>
        Plot.text([one], {
          x: last,
          y: 'answered',
          dy: one.answered > CALLS / 2 ? 150 : -14,
          text: ({ client, answered, answers }) => `${client}: ${answered} answered, ${answers.length} requests`,
          textAnchor: 'end',
          fill: 'client',
          fontWeight: 600,
        }),
      ),
    ],
  })
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  svg.setAttribute('role', 'img')
  return svg.outerHTML
}

/** Returns what they show, for whoever writes about it. */
export const drawPictures = async () => {
  const runs = []
  for (const client of Object.keys(CLIENTS)) runs.push(await run(client))
  const folder = join(root, 'docs/pictures')
  mkdirSync(folder, { recursive: true })
  for (const scheme of ['light', 'dark']) writeFileSync(join(folder, `herd-${scheme}.svg`), `${draw(runs, scheme)}\n`)
  return runs.map(({ client, answers, answered, seconds }) => ({ client, answered, sent: answers.length, seconds }))
}

if (import.meta.main) console.log(await drawPictures())
