import { writeFileSync } from 'node:fs'
import { readArguments, type Part } from './command.ts'
import { compare, FULL, onOneSignal, type Scale, withServer } from './compare.ts'
import { comparisons, comparisonTable, heapTable, rowsOf, signalTable, silentLog, timeTable } from './figures.ts'
import { heap } from './heap.ts'
import { measure } from './measure.ts'
import { subjects } from './subjects.ts'

const { only, clients, scale, json } = readArguments(process.argv.slice(2))

const scaled = (count: number): number => Math.max(1, Math.round(count * scale))
const work: Scale = {
  ...FULL,
  starts: scaled(FULL.starts),
  warmUp: scaled(FULL.warmUp),
  rounds: scaled(FULL.rounds),
  calls: scaled(FULL.calls),
  onSignal: scaled(FULL.onSignal),
}
const rounds = scaled(100)

const show = (text: string): void => void process.stdout.write(`${text}\n\n`)
const progress =
  (part: Part) =>
  (what: string | number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${part}: ${what}`)
  }

/** Each prints its table, and gives what it has measured. */
const parts: Readonly<Record<Part, () => Promise<unknown>>> = {
  'clients in process': async () => {
    const rows = comparisons(await compare(clients, undefined, work, progress('clients in process')))
    show(comparisonTable('in process', rows))
    return rows
  },
  'clients over loopback': () =>
    withServer(async (origin) => {
      const rows = comparisons(await compare(clients, origin, work, progress('clients over loopback')))
      show(comparisonTable('over loopback', rows))
      return rows
    }),
  'one signal': () =>
    withServer(async (origin) => {
      const rows = await onOneSignal(clients, origin, work)
      show(signalTable(work.onSignal, rows))
      return Object.fromEntries(rows)
    }),
  middlewares: async () => {
    const timings = await measure(subjects(), { rounds, samples: 5, calls: 40 }, progress('middlewares'))
    show(`${timeTable(timings)}\n\n${silentLog(timings)}`)
    return { rows: rowsOf(timings), timings: Object.fromEntries(timings) }
  },
  heap: async () => {
    const rows = await heap(scaled(10_000))
    show(heapTable(rows))
    return rows
  },
}

const found: Partial<Record<Part, unknown>> = {}
for (const part of only) {
  found[part] = await parts[part]()
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K')
}
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ scale: work, rounds, ...found }, undefined, 2)}\n`)
