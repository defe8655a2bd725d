import { parseArgs } from 'node:util'
import { differences, readBaseline, writeBaseline } from './baseline.ts'
import { byRow, jobsOf, runJobs } from './pool.ts'
import { OUTCOMES } from './rows.ts'

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

const jobs = jobsOf(OUTCOMES.filter(({ name }) => name.includes(values.only)))
const after = byRow(jobs, await runJobs(jobs))

if (values.update) writeBaseline(values.only === '' ? after : { ...readBaseline(), ...after })
else {
  const changes = differences(readBaseline(), after)
  console.log(changes.length === 0 ? `${jobs.length} simulations, none has changed` : changes.join('\n'))
  if (changes.length > 0) process.exitCode = 1
}
