import { FAULTS } from './fault.ts'
import type { Pair, Result } from './run.ts'

const cell = ({ answered, requests, ms }: Result): string =>
  `${answered ? `${(ms / 1000).toFixed(1)} s` : 'fails'} (${requests})`

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** Two lines for each call, alone and with its recipe. */
export const tableOf = (pairs: readonly Pair[]): string => {
  const lines = [
    row('call', 'client', ...FAULTS, 'why it is repeated'),
    row(...Array.from({ length: FAULTS.length + 3 }, () => '---')),
  ]
  for (const subject of new Set(pairs.map((pair) => pair.subject))) {
    const its = pairs.filter((pair) => pair.subject === subject)
    lines.push(
      row(subject.name, 'alone', ...its.map(({ alone }) => cell(alone)), ''),
      row('', 'aplomb', ...its.map(({ recipe }) => cell(recipe)), subject.because),
    )
  }
  return lines.join('\n')
}
