import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { hasRedis, NO_REDIS } from '../fleet/redis-server.ts'
import { type ClientName, CLIENTS, FLEETS } from './clients.ts'
import { readArguments } from './command.ts'
import { storyOf } from './figures.ts'
import { runFleet } from './fleet.ts'
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

const { fleet: processes, only } = settings
if (processes !== undefined && !hasRedis) {
  console.error(`--fleet ${NO_REDIS}`)
  process.exit(2)
}

const results: Result[] = []
const note = async (client: ClientName, work: (bar: Bar) => Promise<Result>): Promise<void> => {
  bar = startBar(client, settings.lookups)
  results.push(await work(bar))
  bar.stop()
}
if (processes === undefined) {
  for (const client of CLIENTS)
    if (only === undefined || client === only) await note(client, ({ update }) => run(client, settings, update))
} else for (const client of FLEETS) await note(client, ({ update }) => runFleet(client, processes, settings, update))
bar = undefined

say(`\n${renderTable(results)}\n`)
for (const sentence of storyOf(results)) say(sentence)

writeFileSync(report, renderReport(settings, results))
say(`\nThe timeline of ${results.length > 1 ? 'both runs' : 'the run'}: ${relative('.', report)}`)
if (json) {
  const runs = results.map((result) => ({ ...result, attempts: undefined, timeline: timelineOf(result) }))
  process.stdout.write(`${JSON.stringify({ settings, runs, report: relative('.', report) })}\n`)
}
if (results.some(({ client, failed }) => client !== 'naive' && failed > 0)) process.exitCode = 1
