import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { answersOf, requestsPerAnswer, rowsOf, share, storyOf } from './figures.ts'
import { drawPage, type PageData } from './page.ts'
import type { Result } from './run.ts'
import { describeSettings, type Settings } from './settings.ts'
import { timelineOf } from './timeline.ts'

const read = (specifier: string): string => readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8')

/** One HTML file with everything in it. Its own policy forbids the browser to load anything else. */
export const renderReport = (settings: Settings, results: readonly Result[]): string => {
  const names = results.map(({ client }) => client)
  // The library's banner is nothing but an address; its licence takes its place.
  const library = read('uplot/dist/uPlot.iife.min.js').replace(/^\/\*![^*]*\*\//, '')
  const licence = read('uplot/LICENSE').trim()
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>aplomb: the main job</title>
<style>${read('uplot/dist/uPlot.min.css')}${read('./report.css')}</style>
<h1>${settings.lookups} lookups, one API that misbehaves</h1>
<p class="lead">${names.length > 1 ? `The same job, twice: ${names.join(', then ')}. Each against an API of its own with the same seed and the same limits.` : `The job, run by ${names.join()}.`}</p>
<main class="runs">${results.map((result, index) => card(result, storyOf(results)[index] ?? '')).join('')}
</main>
<div class="tables">
<section class="card"><h2>Side by side</h2>${sideBySide(results)}</section>
<section class="card"><h2>The job and the API</h2>${settingsTable(settings)}</section>
</div>
<footer class="notes">
<p>Requests, rejections and credits are the API's own count; outcomes and waits are what the client saw. The least time is what the API's own limits allow to a client that knows all of them beforehand, for as many answers as this one got.</p>
<p>The time axes are the same, the others are not. Move over a chart to read a moment, drag to zoom in, double-click to zoom out.</p>
</footer>
<script>/* uPlot
${licence}
*/
${library}</script>
<script type="application/json" id="data">${inScript(JSON.stringify(dataOf(settings, results)))}</script>
<script>(${inScript(String(drawPage))})(uPlot, JSON.parse(document.getElementById('data').textContent))</script>
</html>
`
}

const dataOf = ({ outageMs, outageAtMs, concurrency }: Settings, results: readonly Result[]): PageData => ({
  concurrency,
  runs: results.map((result) => {
    // The API counts from its first request.
    const from = outageAtMs + Math.min(...result.attempts.map(({ sentAt }) => sentAt))
    return {
      client: result.client,
      timeline: timelineOf(result),
      outage: [from / 1000, (from + outageMs) / 1000],
      end: result.wallMs / 1000,
    }
  }),
})

const card = (result: Result, story: string): string => {
  const { client, lookups, failed, wallMs } = result
  const got = answersOf(result)
  const perAnswer = got > 0 ? requestsPerAnswer(result).toFixed(2) : '–'
  return `
<section class="card run">
<h2>${client}</h2>
<div class="figures">
<div class="${failed === 0 ? 'good' : 'bad'}"><b>${got} of ${lookups}</b>answered</div>
<div><b>${perAnswer}</b>requests per answer</div>
<div><b>${(wallMs / 1000).toFixed(1)} s</b>wall time</div>
<div><b>${Math.floor(share(result) * 100)} %</b>of the API's best</div>
</div>
<p>${escape(story)}</p>
<div class="chart" id="${client}-answers"></div>
<div class="chart" id="${client}-slots"></div>
<div class="chart" id="${client}-waits"></div>
</section>`
}

const sideBySide = (results: readonly Result[]): string => {
  const head = results.map(({ client }) => `<th scope="col">${client}</th>`).join('')
  const body = rowsOf(results).map(({ label, cells }) => tableRow(label, cells))
  return `<table class="rows"><thead><tr><td></td>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`
}

const settingsTable = (settings: Settings): string => {
  const body = describeSettings(settings).map(([label, value]) => tableRow(label, [value]))
  return `<table class="rows"><tbody>${body.join('')}</tbody></table>`
}

const tableRow = (label: string, cells: readonly string[]): string =>
  `<tr><th scope="row">${escape(label)}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Nothing in a script element may look like the end of it; neither JSON nor our script minds. */
const inScript = (text: string): string => text.replaceAll('</', '<\\/')
