import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { CLIENTS } from './clients.ts'
import { readArguments } from './command.ts'
import { storyOf } from './figures.ts'
import { startBar } from './progress.ts'
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

const results: Result[] = []
for (const client of settings.only === undefined ? CLIENTS : [settings.only]) {
  const bar = startBar(client, settings.lookups)
  const stop = (code: number) => {
    bar.stop()
    process.exit(code)
  }
  const onInterrupt = () => stop(130)
  const onTerminate = () => stop(143)
  process.once('SIGINT', onInterrupt).once('SIGTERM', onTerminate)
  results.push(await run(client, settings, bar.update))
  process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  bar.stop()
}

say(`\n${renderTable(results)}\n`)
for (const sentence of storyOf(results)) say(sentence)

writeFileSync(report, renderReport(settings, results))
say(`\nThe timeline of ${results.length > 1 ? 'both runs' : 'the run'}: ${relative('.', report)}`)
if (json) {
  const runs = results.map(({ attempts: _, ...result }, index) => ({ ...result, timeline: timelineOf(results[index]) }))
  process.stdout.write(`${JSON.stringify({ settings, runs, report: relative('.', report) })}\n`)
}
if (results.some(({ client, failed }) => client === 'aplomb' && failed > 0)) process.exitCode = 1
