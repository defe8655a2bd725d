import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'

/** What is told of each mutant that no test has noticed. */
const survivor = (path, source, { location: { start, end }, mutatorName, replacement, status }) => {
  const lines = source.split('\n')
  const was =
    start.line === end.line
      ? lines[start.line - 1].slice(start.column - 1, end.column - 1)
      : lines[start.line - 1].trim()
  return `  ${path}:${start.line} ${mutatorName} ${status === 'NoCoverage' ? '(never run) ' : ''}${was} -> ${(replacement ?? '').replaceAll(/\s+/g, ' ')}`
}

const KILLED = ['Killed', 'Timeout']
const SURVIVED = ['Survived', 'NoCoverage']

/** The mutants of a package so far, by what became of them. */
const resultsOf = (name) => {
  const path = `.report/mutation/${name}/incremental.json`
  if (!existsSync(path)) return { killed: 0, ignored: 0, survivors: [] }
  const files = Object.entries(JSON.parse(readFileSync(path, 'utf8')).files)
  const of = (statuses) =>
    files.flatMap(([file, { source, mutants }]) =>
      mutants.filter(({ status }) => statuses.includes(status)).map((mutant) => survivor(file, source, mutant)),
    )
  return { killed: of(KILLED).length, ignored: of(['Ignored']).length, survivors: of(SURVIVED) }
}

/** What came of each file the last time that all of it was asked. */
const FIGURES = 'scripts/mutation/figures.json'

/** Keeps how many mutants of each file of a whole run were found, and how many were not. */
export const record = (results) => {
  const figures = JSON.parse(readFileSync(FIGURES, 'utf8'))
  for (const [file, mutants] of Map.groupBy(results, ({ fileName }) => relative('.', fileName).replaceAll('\\', '/'))) {
    const count = (statuses) => mutants.filter(({ status }) => statuses.includes(status)).length
    figures[file] = { found: count(KILLED), not: count(SURVIVED), ignored: count(['Ignored']) }
  }
  writeFileSync(
    FIGURES,
    `${JSON.stringify(Object.fromEntries(Object.entries(figures).toSorted(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`,
  )
}

const scoreOf = ({ killed, survivors }) => (100 * killed) / (killed + survivors.length)

/** What tests may miss, in per cent: some changes make no difference to anybody. */
const MIN_SCORE = 85

/** Lists what no test has noticed; says whether that is little enough. */
export const summarize = (name) => {
  const results = resultsOf(name)
  for (const line of results.survivors) console.log(line)
  const { killed, ignored, survivors } = results
  const score = scoreOf(results)
  console.log(`${name}: ${score.toFixed(1)} % (${killed} found, ${survivors.length} not, ${ignored} ignored)`)
  return score >= MIN_SCORE
}
