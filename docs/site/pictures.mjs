// Pictures of real runs, on a clock that is turned by hand: the same for the same code. `npm run pictures` writes them to
// docs/pictures, where the READMEs and the site find them, with the figures that they show.
import * as Plot from '@observablehq/plot'
import { JSDOM } from 'jsdom'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createMockApi } from '../../packages/mock-api/src/index.ts'
import { aplomb } from '../../packages/aplomb/src/index.ts'
import { goodputs } from '../../packages/bench/src/sim/peers.ts'
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
  light: { text: '#3c3c43', quiet: '#6a6a73', lines: ['#b8424a', '#23734a'], outage: '#e9e9ee', bars: '#a9a9b4' },
  dark: { text: '#dfdfd6', quiet: '#98989f', lines: ['#e0707a', '#4fbf83'], outage: '#2c2c33', bars: '#6b6b76' },
}

const FONT = 'system-ui, sans-serif'
/** As wide as can be read when it is made as narrow as a phone. */
const WIDTH = 560

/** As it stands in a file of its own, and is read aloud. */
const svgOf = (svg, title) => {
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', title)
  return `${svg.outerHTML}\n`
}

/** How many calls have their answer, by time. */
const drawHerd = (runs, scheme) => {
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
    width: WIDTH,
    height: 320,
    marginLeft: 44,
    marginTop: 16,
    marginBottom: 40,
    style: { color: text, background: 'transparent', fontFamily: FONT, fontSize: '15px' },
    x: { label: 'seconds', labelArrow: false, domain: [0, last], ticks: 8 },
    y: { label: null, domain: [0, CALLS], ticks: 5, grid: true },
    color: { domain: runs.map(({ client }) => client), range: lines },
    marks: [
      Plot.rectX([0], { x1: fromMs / 1000, x2: toMs / 1000, fill: outage }),
      Plot.text(['down'], { x: (fromMs + toMs) / 2000, y: CALLS, dy: 10, fill: quiet }),
      Plot.line(runs.flatMap(steps), { x: 'at', y: 'count', stroke: 'client', strokeWidth: 3, curve: 'step-after' }),
      // Above each line: where it has risen, there is room before; where it has not, at its end.
      ...runs.map((one) => {
        const hasRisen = one.answered > CALLS / 2
        return Plot.text([one], {
          x: hasRisen ? 0.5 : last,
          y: hasRisen ? CALLS * 0.85 : one.answered,
          dy: hasRisen ? 0 : -14,
          text: ({ client, answered, answers }) => `${client}: ${answered} answered, ${answers.length} requests`,
          textAnchor: hasRisen ? 'start' : 'end',
          fill: 'client',
          fontWeight: 600,
        })
      }),
    ],
  })
  return svgOf(svg, 'How many of 400 calls have their answer, over time')
}

/** What part of what an API can give each client got from it. */
const drawGoodput = (figures, scheme) => {
  const { document } = new JSDOM('').window
  const { text, quiet, lines, bars } = INK[scheme]
  const isOurs = ({ client }) => client === 'aplomb'
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: 560,
    marginLeft: 116,
    marginRight: 8,
    marginTop: 8,
    marginBottom: 36,
    style: { color: text, background: 'transparent', fontFamily: FONT, fontSize: '14px' },
    x: {
      label: 'of what the API can give; in brackets: requests for each answer',
      labelArrow: false,
      domain: [0, 1.72],
      tickFormat: '.2f',
      ticks: [0, 0.25, 0.5, 0.75, 1],
    },
    y: { label: null, axis: null, domain: [...new Set(figures.map(({ client }) => client))] },
    fy: { label: null, axis: null, domain: [...new Set(figures.map(({ mode }) => mode))], padding: 0.16 },
    marks: [
      Plot.ruleX([0.25, 0.5, 0.75, 1], { stroke: quiet, strokeOpacity: 0.25 }),
      Plot.barX(figures, { x: 'goodput', y: 'client', fy: 'mode', fill: (one) => (isOurs(one) ? lines[1] : bars) }),
      Plot.text(figures, {
        x: 'goodput',
        y: 'client',
        fy: 'mode',
        dx: 5,
        fontSize: 13,
        fill: text,
        textAnchor: 'start',
        text: ({ client, goodput, sentPerAnswer }) => `${client} ${goodput.toFixed(2)} (${sentPerAnswer.toFixed(2)})`,
        fontWeight: (one) => (isOurs(one) ? 600 : 400),
      }),
      Plot.text(
        [...new Set(figures.map(({ mode }) => mode))].map((mode) => ({ mode })),
        { fy: 'mode', frameAnchor: 'left', dx: -8, textAnchor: 'end', lineWidth: 7, text: 'mode', fontWeight: 600 },
      ),
    ],
  })
  return svgOf(svg, 'Goodput of four clients against six kinds of limits')
}

/** From an answer to what is done: a question, what follows from a yes, and who does it. A no leads to the next one. */
const QUESTIONS = [
  ['Was it served?', '2xx, 3xx, a lookup without a record', 'use', 'the answer is yours'],
  ['Is it money, or a used-up plan?', '402, “quota”, no credits', 'pay', 'alerted and returned at once'],
  ['Were too many in flight?', '“concurrent”, a ceiling reached', 'slow down', 'sent when another has ended'],
  ['Too many in some time?', '429, Retry-After, nothing left', 'wait', 'all calls, until that time'],
  ['Did server or network fail?', '5xx, 408, no connection', 'retry', 'with backoff, if that is safe'],
  ['Anything else', '400, 401, 403, 404, 409, 422', 'fix', 'returned at once'],
]

const drawDecisions = (scheme) => {
  const { text, quiet, lines } = INK[scheme]
  const row = (i) => 10 + i * 76
  const parts = QUESTIONS.map(([question, signs, action, what], i) => {
    const y = row(i)
    const isLast = i === QUESTIONS.length - 1
    const down = isLast
      ? ''
      : `<path d="M40 ${y + 54} V${y + 74}" stroke="${quiet}" marker-end="url(#end)"/><text x="50" y="${y + 69}" fill="${quiet}" font-size="13">no</text>`
    const yes = isLast ? '' : `<text x="286" y="${y + 20}" fill="${quiet}" font-size="13">yes</text>`
    return `<rect x="1" y="${y}" width="280" height="54" rx="8" fill="none" stroke="${quiet}"/>
<text x="14" y="${y + 23}" fill="${text}" font-weight="600">${question}</text>
<text x="14" y="${y + 43}" fill="${quiet}" font-size="14">${signs}</text>
<path d="M281 ${y + 27} H318" stroke="${quiet}" marker-end="url(#end)"/>${yes}
<text x="330" y="${y + 23}" fill="${lines[1]}" font-weight="700" font-size="17">${action}</text>
<text x="330" y="${y + 43}" fill="${text}" font-size="14">${what}</text>${down}`
  })
  const height = row(QUESTIONS.length) - 12
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="How an answer is decided on" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="${FONT}" font-size="15" fill="none">
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="${quiet}"/></marker></defs>
${parts.join('\n')}
</svg>
`
}

const folder = join(root, 'docs/pictures')
const write = (name, content) => writeFileSync(join(folder, name), content)

const runs = []
for (const client of Object.keys(CLIENTS)) runs.push(await run(client))
const figures = await goodputs()
mkdirSync(folder, { recursive: true })
for (const scheme of ['light', 'dark']) {
  write(`herd-${scheme}.svg`, drawHerd(runs, scheme))
  write(`goodput-${scheme}.svg`, drawGoodput(figures, scheme))
  write(`decisions-${scheme}.svg`, drawDecisions(scheme))
}
const herd = runs.map(({ client, answers, answered, seconds }) => ({ client, answered, sent: answers.length, seconds }))
write('figures.json', `${JSON.stringify(herd, null, 2)}\n`)
console.table(herd)
console.table(figures)
