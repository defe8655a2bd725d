import type { Mode } from '../sim/modes.ts'
import type { ClientName } from './clients.ts'
import type { Run } from './run.ts'

/** One client in one mode: medians over its runs. */
export interface Result {
  readonly mode: string
  readonly client: ClientName
  readonly calls: number
  readonly answered: number
  readonly lost: number
  /** The time the API needs for all calls, over the time until the last one settled: too good where calls were lost. */
  readonly share: number
  /** Useful answers per second, as a share of what the API can give: the share, times the part that was answered. */
  readonly goodput: number
  /** Requests at the server for each answer. */
  readonly sent: number
  readonly doneMs: number
  readonly runs: readonly Run[]
}

/** A mode, and what each client came to in it. */
export interface Row {
  readonly mode: Mode
  readonly results: readonly Result[]
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2
}

export const resultOf = (mode: string, client: ClientName, runs: readonly Run[]): Result => {
  const of = (figure: (run: Run) => number) => median(runs.map(figure))
  const calls = of((run) => run.calls)
  const answered = of((run) => run.answered)
  return {
    mode,
    client,
    calls,
    answered,
    lost: calls - answered,
    share: of(({ leastMs, wallMs }) => leastMs / wallMs),
    goodput: of((run) => (run.leastMs / run.wallMs) * (run.answered / run.calls)),
    sent: of((run) => run.server.requests / run.answered),
    doneMs: of(({ wallMs }) => wallMs),
    runs,
  }
}

/** Giving up is quick: nobody who answered less than half of the calls is compared by time. */
export const comparable = ({ answered, calls }: Result): boolean => answered >= calls / 2

/** Of the peers that answered at least half of the calls, the one with the most useful answers per second. */
export const bestPeer = ({ results }: Row): Result | undefined =>
  results
    .filter((result) => result.client !== 'aplomb' && comparable(result))
    .toSorted((a, b) => b.goodput - a.goodput)[0]

/** Whether it reaches the bar of the mode. */
export const reaches = ({ share, sent, doneMs }: Mode, result: Result): boolean =>
  result.lost === 0 && result.sent <= sent && (doneMs === undefined ? result.share >= share : result.doneMs <= doneMs)

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
export const ratio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–')

/** `0.80 (1.51; 25 lost)`, with the time in front where that is the bar. */
const inShort = ({ doneMs: bar }: Mode, { share, sent, lost, doneMs }: Result): string => {
  const reached = bar === undefined ? ratio(share) : seconds(doneMs)
  return `${reached} (${ratio(sent)}${lost > 0 ? `; ${lost} lost` : ''})`
}

/** A markdown table: for each mode the best peer, aplomb and the bar. */
export const summary = (rows: readonly Row[]): string => {
  const head = ['mode (server)', 'best peer: share of the limit (sent per answer)', 'aplomb', 'bar', '']
  const lines = rows.map((row) => {
    const { mode, results } = row
    const peer = bestPeer(row)
    const ours = results.find(({ client }) => client === 'aplomb')
    const bar = `${mode.doneMs === undefined ? mode.share.toFixed(2) : seconds(mode.doneMs)} (${mode.sent.toFixed(2)})`
    return [
      mode.name,
      peer === undefined ? '–' : `${peer.client} ${inShort(mode, peer)}`,
      ours === undefined ? '–' : inShort(mode, ours),
      bar,
      ours === undefined ? '' : reaches(mode, ours) ? '✓' : '✗',
    ]
  })
  return markdown([head, head.map(() => '---'), ...lines])
}

/** A markdown table with a line for each client in each mode. */
export const details = (rows: readonly Row[]): string => {
  const head = ['mode', 'client', 'answered', 'share', 'goodput', 'sent per answer', 'done at', 'refused']
  const lines = rows.flatMap(({ results }) =>
    results.map((result) => [
      result.mode,
      result.client,
      `${result.answered} of ${result.calls}`,
      ratio(result.share) + (result.lost > 0 ? ` (${result.lost} lost)` : ''),
      ratio(result.goodput),
      ratio(result.sent),
      seconds(result.doneMs),
      refusals(result),
    ]),
  )
  return markdown([head, head.map((_, column) => (column < 2 ? '---' : '---:')), ...lines])
}

/** By what, in the first run. */
const refusals = ({ runs: [run] }: Result): string => {
  const { flaky, ...others } = run?.server.rejections ?? { flaky: {} }
  return Object.entries({ ...others, ...flaky })
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ')
}

const markdown = (lines: readonly (readonly string[])[]): string =>
  lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
