import { writeFileSync } from 'node:fs'
import { readArguments } from './command.ts'
import { details, ratio, resultOf, type Result, type Row, summary } from './figures.ts'
import { renderReport } from './report.ts'
import { type Run, run } from './run.ts'

const { modes, clients, runs, json, report } = readArguments(process.argv.slice(2))

const rows: Row[] = []
for (const [index, mode] of modes.entries()) {
  process.stderr.write(`${index + 1}/${modes.length} ${mode.name}:`)
  const results: Result[] = []
  for (const client of clients) {
    const done: Run[] = []
    for (let seed = 1; seed <= runs; seed++) done.push(await run(client, mode, seed))
    const result = resultOf(mode.name, client, done)
    results.push(result)
    process.stderr.write(`${results.length > 1 ? ',' : ''} ${client} ${ratio(result.goodput)} (${ratio(result.sent)})`)
  }
  process.stderr.write('\n')
  rows.push({ mode, results })
}

process.stdout.write(`\n${summary(rows)}\n\n${details(rows)}\n`)
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ runs, rows }, undefined, 2)}\n`)
if (report !== undefined) writeFileSync(report, renderReport(rows))
if (rows.some(({ results }) => results.some(({ client, lost }) => client === 'aplomb' && lost > 0)))
  process.exitCode = 1
