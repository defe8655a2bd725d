// Pictures of real runs, on a clock that is turned by hand: the same for the same code. `npm run pictures` writes them to
// docs/pictures, where the READMEs and the site find them, with the figures that they show.
import * as Plot from '@observablehq/plot'
import { JSDOM } from 'jsdom'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goodputs } from '../../packages/bench/src/sim/peers.ts'
import { root } from './assemble.mjs'
import { PRESETS } from './lab/presets.ts'
import { run } from './lab/run.ts'
import { SLICE_MS } from './lab/slices.ts'

/** As the lab has it, which shows the same figures. */
const { settings: HERD, clients: HERD_CLIENTS } = PRESETS.herd
const TITLES = { naive: 'a retry loop', aplomb: 'aplomb' }

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
  const steps = ({ client, slices, answered }) => {
    let count = 0
    const points = slices.ok.map((ok, i) => ({ client, at: ((i + 1) * SLICE_MS) / 1000, count: (count += ok) }))
    return [{ client, at: 0, count: 0 }, ...points, { client, at: last, count: answered }]
  }
  const [{ fromMs, toMs }] = HERD.api.outages
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: 320,
    marginLeft: 44,
    marginTop: 16,
    marginBottom: 40,
    style: { color: text, background: 'transparent', fontFamily: FONT, fontSize: '15px' },
    x: { label: 'seconds', labelArrow: false, domain: [0, last], ticks: 8 },
    y: { label: null, domain: [0, HERD.calls], ticks: 5, grid: true },
    color: { domain: runs.map(({ client }) => client), range: lines },
    marks: [
      Plot.rectX([0], { x1: fromMs / 1000, x2: toMs / 1000, fill: outage }),
      Plot.text(['down'], { x: (fromMs + toMs) / 2000, y: HERD.calls, dy: 10, fill: quiet }),
      Plot.line(runs.flatMap(steps), { x: 'at', y: 'count', stroke: 'client', strokeWidth: 3, curve: 'step-after' }),
      // Above each line: where it has risen, there is room before; where it has not, at its end.
      ...runs.map((one) => {
        const hasRisen = one.answered > HERD.calls / 2
        return Plot.text([one], {
          x: hasRisen ? 0.5 : last,
          y: hasRisen ? HERD.calls * 0.85 : one.answered,
          dy: hasRisen ? 0 : -14,
          text: ({ client, answered, sent }) => `${client}: ${answered} answered, ${sent} requests`,
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
  ['Money, or a used-up plan?', '402, “quota”, no credits', 'pay', 'alerted and returned at once'],
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
for (const name of HERD_CLIENTS) runs.push({ client: TITLES[name], ...(await run(HERD, name)) })
const figures = await goodputs()
mkdirSync(folder, { recursive: true })
for (const scheme of ['light', 'dark']) {
  write(`herd-${scheme}.svg`, drawHerd(runs, scheme))
  write(`goodput-${scheme}.svg`, drawGoodput(figures, scheme))
  write(`decisions-${scheme}.svg`, drawDecisions(scheme))
}
const herd = runs.map(({ client, answered, sent, seconds }) => ({ client, answered, sent, seconds }))
write('figures.json', `${JSON.stringify(herd, null, 2)}\n`)
console.table(herd)
console.table(figures)
