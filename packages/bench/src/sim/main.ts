import { parseArgs } from 'node:util'
import { aplomb } from 'aplomb'
import Table from 'cli-table3'
import { median } from './quantile.ts'
import { MODES } from './modes.ts'
import { type Outcome, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    load: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'Simulates the limits of the goodput benchmark.\n\n  --seeds N    seeds per mode (3)\n  --only TEXT  modes with this in their name\n  --load       requests per 100 ms',
  )
  process.exit(0)
}

const mark = (good: boolean): string => (good ? '' : ' ✗')

const table = new Table({
  head: ['mode', 'share', 'bar', 'sent per answer', 'bar', 'answered', 'wall ms', 'least', 'refused'],
})
for (const { name, scenario, share, sent, doneMs } of MODES) {
  if (!name.includes(values.only)) continue
  const outcomes: Outcome[] = []
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    outcomes.push(await simulate({ ...scenario, seed }, (fetch) => aplomb({ fetch })))
  }
  const of = (pick: (one: Outcome) => number): number => median(outcomes.map(pick))
  const wall = of(({ wallMs }) => wallMs)
  const reached = of((one) => one.share)
  const perAnswer = of((one) => one.sentPerAnswer)
  const least = Math.min(...outcomes.map(({ answered }) => answered))
  const { rejections = {}, load = [] } = outcomes[0] ?? {}
  table.push([
    name,
    reached.toFixed(3) + mark(doneMs === undefined ? reached >= share : true),
    doneMs === undefined ? share : '–',
    perAnswer.toFixed(2) + mark(perAnswer <= sent),
    sent,
    least + mark(least === scenario.calls * (scenario.clients ?? 1)),
    Math.round(wall) + (doneMs === undefined ? '' : mark(wall <= doneMs)),
    Math.round(of(({ leastMs }) => leastMs)),
    Object.entries(rejections)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(' '),
  ])
  if (values.load) console.log(name, load.join(' '))
}
console.log(table.toString())
