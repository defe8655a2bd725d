import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { LLM_MODES, runLlmMode } from './llm-modes.ts'
import { median } from './quantile.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '3' }, help: { type: 'boolean', default: false } },
})
if (values.help) {
  console.log('Simulates 400 chat calls on limits in tokens, for each vendor.\n\n  --seeds N  seeds per row (3)')
  process.exit(0)
}

const table = new Table({
  head: ['vendor', 'share of the tokens', 'sent per answer', 'lost'],
  style: { head: [], border: [], compact: true },
})
for (const mode of LLM_MODES) {
  const outcomes = []
  for (let seed = 1; seed <= Number(values.seeds); seed++) outcomes.push(await runLlmMode(mode, seed))
  table.push([
    `${mode.vendor}${mode.streamed ? ', streamed' : ''}`,
    median(outcomes.map(({ share }) => share)).toFixed(3),
    median(outcomes.map(({ sentPerAnswer }) => sentPerAnswer)).toFixed(3),
    400 - Math.min(...outcomes.map(({ answered }) => answered)),
  ])
}
console.log(table.toString())
