import { readFileSync, writeFileSync } from 'node:fs'
import { median } from './quantile.ts'
import type { Figures } from './rows.ts'

/** What came of each row with the seeds 1, 2, 3 and so on. */
export type Outcomes = Readonly<Record<string, readonly Figures[]>>

const FILE = new URL('../../outcomes.json', import.meta.url)
/** The order in which a line of the file holds them. */
const NAMES = ['answered', 'sent', 'wallMs', 'share'] as const

type Line = readonly (number | null)[]

export const readBaseline = (): Outcomes =>
  Object.fromEntries(
    Object.entries(JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, readonly Line[]>).map(([row, lines]) => [
      row,
      lines.map((line) => Object.fromEntries(NAMES.map((name, at) => [name, line[at] ?? NaN]))),
    ]),
  )

/** A line for each seed, so that a diff shows which ones have changed. */
export const writeBaseline = (outcomes: Outcomes): void => {
  const rows = Object.entries(outcomes).map(([row, seeds]) => {
    const lines = seeds.map((figures) => {
      const line = NAMES.map((name) => figures[name] ?? NaN)
      return `[${line.map((value) => (Number.isFinite(value) ? value : 'null')).join(', ')}]`
    })
    const all = lines.length === 1 ? lines[0] : `\n    ${lines.join(',\n    ')}\n  `
    return `  ${JSON.stringify(row)}: [${all}]`
  })
  writeFileSync(FILE, `{\n${rows.join(',\n')}\n}\n`)
}

const known = (value: number | undefined): number | undefined => (Number.isFinite(value) ? value : undefined)
const text = (value: number | undefined): string => (known(value) === undefined ? '–' : String(value))

/** Each row of which something has changed: the medians, then seed by seed. Seeds and rows that `after` leaves out are not compared. */
export const differences = (before: Outcomes, after: Outcomes): readonly string[] =>
  Object.entries(after).flatMap(([row, all]) => {
    const old = before[row] ?? []
    const lines = all.flatMap((figures, index) => {
      const changed = NAMES.filter((name) => known(figures[name]) !== known(old[index]?.[name]))
      const changes = changed.map((name) => `${name} ${text(old[index]?.[name])} → ${text(figures[name])}`)
      return changes.length > 0 ? [`  seed ${index + 1}: ${changes.join(', ')}`] : []
    })
    if (lines.length === 0) return []
    const medians = NAMES.map((name) => {
      const [from, to] = [old.slice(0, all.length), all].map((some) =>
        text(median(some.map((one) => one[name] ?? NaN))),
      )
      return from === to ? `${name} ${from}` : `${name} ${from} → ${to}`
    })
    return [`${row}: ${lines.length} of ${all.length} seeds. Medians: ${medians.join(', ')}`, ...lines]
  })
