import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { comparable, ratio, reaches, type Result, type Row, seconds } from './figures.ts'
import { drawPage, type PageData } from './page.ts'

const read = (specifier: string): string => readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8')

/** One HTML file with everything in it. Its own policy forbids the browser to load anything else. */
export const renderReport = (rows: readonly Row[]): string => {
  // The library's banner is nothing but an address; its licence takes its place.
  const library = read('uplot/dist/uPlot.iife.min.js').replace(/^\/\*![^*]*\*\//, '')
  const licence = read('uplot/LICENSE').trim()
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>aplomb: goodput</title>
<style>${read('uplot/dist/uPlot.min.css')}${read('../main-job/report.css')}${read('./report.css')}</style>
<h1>Goodput over real HTTP</h1>
<p class="lead">The same calls, thrown in at once, at APIs that are limited in different ways. The lines are what aplomb is to reach.</p>
<section class="card"><h2>Calls answered</h2><div class="dots" id="answered"></div></section>
<section class="card"><h2>Useful answers per second, as a share of what the API can give</h2><p>Without clients that answered less than half of the calls: giving up is quick.</p><div class="dots" id="goodput"></div></section>
<section class="card"><h2>Requests sent for each answer, on a logarithmic scale</h2><div class="dots" id="sent"></div></section>
<section class="card wide"><h2>All figures</h2>${table(rows)}</section>
<footer class="notes">
<p>Requests are the server's own count. The share is the least time that the API's own limits allow for all calls, divided by the time until the last call settled; a client that lost calls was done early, so in the chart its share is multiplied by the part of the calls that it answered.</p>
</footer>
<script>/* uPlot
${licence}
*/
${library}</script>
<script type="application/json" id="data">${inScript(JSON.stringify(dataOf(rows)))}</script>
<script>(${inScript(String(drawPage))})(uPlot, JSON.parse(document.getElementById('data').textContent))</script>
</html>
`
}

const dataOf = (rows: readonly Row[]): PageData => {
  const clients = rows[0]?.results.map(({ client }) => client) ?? []
  const byClient = (figure: (result: Result) => number) =>
    clients.map((_, client) =>
      rows.map(({ results }) => {
        const result = results[client]
        const value = result === undefined ? NaN : figure(result)
        return Number.isFinite(value) ? value : null
      }),
    )
  const goodput = byClient((result) => (comparable(result) ? result.goodput : NaN))
  return {
    modes: rows.map(({ mode }) => mode.name),
    clients,
    charts: [
      {
        id: 'answered',
        values: byClient(({ answered, calls }) => answered / calls),
        bars: rows.map(() => 1),
        log: false,
      },
      { id: 'goodput', values: goodput, bars: rows.map(({ mode }) => mode.share), log: false },
      { id: 'sent', values: byClient(({ sent }) => sent), bars: rows.map(({ mode }) => mode.sent), log: true },
    ],
  }
}

const table = (rows: readonly Row[]): string => {
  const head = ['Answered', 'Share', 'Sent per answer', 'Done at']
    .map((text) => `<th scope="col">${text}</th>`)
    .join('')
  const groups = rows.map(({ mode, results }) => {
    const lines = results.map((result) => {
      const { client, answered, calls, share, sent, doneMs, lost } = result
      const good = client === 'aplomb' && reaches(mode, result) ? ' class="good"' : ''
      const cells = [
        `${answered} of ${calls}`,
        ratio(share) + (lost > 0 ? ` (${lost} lost)` : ''),
        ratio(sent),
        seconds(doneMs),
      ]
      return `<tr${good}><th scope="row">${escape(client)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
    })
    const bar = `${mode.doneMs === undefined ? `share ${ratio(mode.share)}` : `done by ${seconds(mode.doneMs)}`}, ${ratio(mode.sent)} sent per answer`
    return `<tbody><tr><th scope="rowgroup" colspan="5">${escape(mode.name)} <span>to reach: ${bar}</span></th></tr>${lines.join('')}</tbody>`
  })
  return `<table class="rows"><thead><tr><td></td>${head}</tr></thead>${groups.join('')}</table>`
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Nothing in a script element may look like the end of it; neither JSON nor our script minds. */
const inScript = (text: string): string => text.replaceAll('</', '<\\/')
