import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { CLIENTS } from './clients.ts'
import { readArguments } from './command.ts'
import { storyOf } from './figures.ts'
import { type Bar, startBar } from './progress.ts'
import { renderReport } from './report.ts'
import { run, type Result } from './run.ts'
import { describeSettings } from './settings.ts'
import { renderTable } from './table.ts'
import { timelineOf } from './timeline.ts'

const { settings, report, json } = readArguments(process.argv.slice(2))

/** Standard output is for the results alone when a program is to read them. */
const say = (text: string): void => {
  ;(json ? process.stderr : process.stdout).write(`${text}\n`)
}

say(
  describeSettings(settings)
    .map(([label, value]) => `${label.padEnd(20)}${value}`)
    .join('\n'),
)
say('')

let bar: Bar | undefined
const stop = (code: number) => () => {
  bar?.stop()
  process.exit(code)
}
process.once('SIGINT', stop(130)).once('SIGTERM', stop(143))

const results: Result[] = []
for (const client of settings.only === undefined ? CLIENTS : [settings.only]) {
  bar = startBar(client, settings.lookups)
  results.push(await run(client, settings, bar.update))
  bar.stop()
}
bar = undefined

say(`\n${renderTable(results)}\n`)
for (const sentence of storyOf(results)) say(sentence)

writeFileSync(report, renderReport(settings, results))
say(`\nThe timeline of ${results.length > 1 ? 'both runs' : 'the run'}: ${relative('.', report)}`)
if (json) {
  const runs = results.map((result) => ({ ...result, attempts: undefined, timeline: timelineOf(result) }))
  process.stdout.write(`${JSON.stringify({ settings, runs, report: relative('.', report) })}\n`)
}
if (results.some(({ client, failed }) => client === 'aplomb' && failed > 0)) process.exitCode = 1
