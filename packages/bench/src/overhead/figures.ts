import { BARE, type ClientName } from './clients.ts'
import type { Measured, OnSignal } from './compare.ts'
import type { HeapRow } from './heap.ts'
import { median, pairedDifference, pairedRatio, type Timings } from './measure.ts'

/** One line of the table. */
export interface Row {
  readonly name: string
  /** Microseconds per call: the median of all rounds, and the middle half of them. */
  readonly us: number
  readonly middle: readonly [number, number]
  /** Microseconds on top of the first: the median of what they differ by within a round. */
  readonly overFirst: number
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}

export const rowsOf = (timings: Timings): readonly Row[] => {
  const [first = []] = timings.values()
  return Array.from(timings, ([name, us]) => ({
    name,
    us: median(us),
    middle: [quantile(us, 0.25), quantile(us, 0.75)] as const,
    overFirst: pairedDifference(us, first),
  }))
}

const table = (heads: readonly string[], lines: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map((_, i) => (i === 0 ? '---' : '---:'))), ...lines.map(line)].join('\n')
}

const us = (value: number): string => `${value.toFixed(1)} µs`

export const timeTable = (timings: Timings): string =>
  table(
    ['Per call', 'Median', 'Middle half of the rounds', 'Over `fetch`'],
    rowsOf(timings).map(({ name, us: all, middle: [low, high], overFirst }) => [
      `\`${name}\``,
      us(all),
      `${low.toFixed(1)} to ${high.toFixed(1)}`,
      us(overFirst),
    ]),
  )

export const heapTable = (rows: readonly HeapRow[]): string =>
  table(
    ['Heap per waiting call', 'Bytes'],
    rows.map(({ name, bytesPerCall }) => [name, String(Math.round(bytesPerCall))]),
  )

/** What a client takes of its own, beside bare fetch: medians of what they differ by within a round. */
export interface Comparison {
  readonly client: ClientName
  /** CPU in microseconds per call: of bare fetch itself, of the others over it. */
  readonly firstUs: number
  readonly steadyUs: number
  /** Calls per second as a share of bare fetch. */
  readonly rate: number
  /** Bytes allocated on the heap per call: as for CPU. */
  readonly heapBytes: number
}

export const comparisons = (measured: ReadonlyMap<ClientName, Measured>): readonly Comparison[] => {
  const bare = measured.get(BARE)
  if (!bare) throw new Error('bare fetch was not measured')
  return Array.from(measured, ([client, { firstUs, steadyUs, perSecond, heapBytes }]) => ({
    client,
    firstUs: client === BARE ? median(firstUs) : pairedDifference(firstUs, bare.firstUs),
    steadyUs: client === BARE ? median(steadyUs) : pairedDifference(steadyUs, bare.steadyUs),
    rate: pairedRatio(perSecond, bare.perSecond),
    heapBytes: client === BARE ? median(heapBytes) : pairedDifference(heapBytes, bare.heapBytes),
  }))
}

const kilobytes = (value: number): string => `${(value / 1000).toFixed(1)} kB`

const over = (client: ClientName, value: number, unit = us): string =>
  `${client !== BARE && value >= 0 ? '+' : ''}${unit(value)}`

export const comparisonTable = (where: string, rows: readonly Comparison[]): string =>
  table(
    [`CPU per call, ${where}`, 'First calls', 'Steady', 'Allocations', 'Calls per second'],
    rows.map(({ client, firstUs, steadyUs, rate, heapBytes }) => [
      client,
      over(client, firstUs),
      over(client, steadyUs),
      over(client, heapBytes, kilobytes),
      `${Math.round(rate * 100)} %`,
    ]),
  )

export const signalTable = (calls: number, rows: ReadonlyMap<ClientName, OnSignal>): string =>
  table(
    [`${calls} calls in a row on one signal`, 'CPU per call', 'Time in all', 'Listeners left'],
    Array.from(rows, ([client, { cpuUs, wallMs, listeners }]) => [
      client,
      us(cpuUs / calls),
      `${Math.round(wallMs)} ms`,
      String(listeners),
    ]),
  )

/** What a log costs that nobody listens to. */
export const silentLog = (timings: Timings): string => {
  const without = timings.get('aplomb({ log: false })') ?? []
  const silent = timings.get('aplomb()') ?? []
  const percent = (pairedRatio(silent, without) - 1) * 100
  return `With a log that nobody listens to, a call takes ${percent.toFixed(1)} % (${us(pairedDifference(silent, without))}) more than without one.`
}
