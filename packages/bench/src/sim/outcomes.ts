import { parseArgs } from 'node:util'
import { differences, type Outcomes, readBaseline, writeBaseline } from './baseline.ts'
import { runJobs } from './pool.ts'
import { OUTCOMES } from './rows.ts'

const SEEDS = 10

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    update: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'Compares what aplomb does in the simulator with outcomes.json.\n\n  --only TEXT  rows with this in their name\n  --update     writes the file instead',
  )
  process.exit(0)
}

const rows = OUTCOMES.map(({ name }) => name).filter((name) => name.includes(values.only))
const jobs = rows.flatMap((row) => Array.from({ length: SEEDS }, (_, index) => ({ row, seed: index + 1 })))
const results = await runJobs(jobs)
const after: Outcomes = Object.fromEntries(
  rows.map((row) => [row, results.filter((_, index) => jobs[index]?.row === row)]),
)

if (values.update) writeBaseline(values.only === '' ? after : { ...readBaseline(), ...after })
else {
  const changes = differences(readBaseline(), after)
  console.log(changes.length === 0 ? `${jobs.length} simulations, none has changed` : changes.join('\n'))
  if (changes.length > 0) process.exitCode = 1
}
