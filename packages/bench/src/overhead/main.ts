import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { heapTable, rowsOf, silentLog, timeTable } from './figures.ts'
import { heap } from './heap.ts'
import { measure } from './measure.ts'
import { subjects } from './subjects.ts'

const whole = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value
  throw new InvalidArgumentError('Accepted: a whole number from 1 to 1000.')
}

const { rounds, json } = new Command('bench:overhead')
  .description('What a call costs when all is well, over a fetch that answers at once, in one process.')
  .option('--rounds <n>', 'how often everything is timed, in turns', whole, 100)
  .option('--json <file>', 'where to write everything measured')
  .showHelpAfterError('(--help lists the options)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ rounds: number; json: string | undefined }>()

const tty = process.stderr.isTTY
const progress = (done: number): void => {
  if (tty) process.stderr.write(`\r${done} of ${rounds} rounds`)
}
const timings = await measure(subjects(), { rounds, samples: 5, calls: 40 }, progress)
if (tty) process.stderr.write('\r\n')
const memory = await heap(10_000)
process.stdout.write(`${timeTable(timings)}\n\n${silentLog(timings)}\n\n${heapTable(memory)}\n`)
if (json !== undefined) {
  const all = { rounds, rows: rowsOf(timings), timings: Object.fromEntries(timings), heap: memory }
  writeFileSync(json, `${JSON.stringify(all, undefined, 2)}\n`)
}
