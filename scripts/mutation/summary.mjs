import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isDrawn } from './draw.mjs'
import { nameOf } from './packages.mjs'

/** What is told of each mutant that no test has noticed. */
const survivor = ({ fileName, location: { start, end }, mutatorName, replacement, status }) => {
  const lines = readFileSync(nameOf(fileName), 'utf8').split('\n')
  const line = lines[start.line - 1] ?? ''
  const was = start.line === end.line ? line.slice(start.column - 1, end.column - 1) : line.trim()
  return `  ${nameOf(fileName)}:${start.line} ${mutatorName} ${status === 'NoCoverage' ? '(never run) ' : ''}${was} -> ${(replacement ?? '').replaceAll(/\s+/g, ' ')}`
}

const KILLED = ['Killed', 'Timeout']
const SURVIVED = ['Survived', 'NoCoverage']
const UNDRAWN = 'CompileError'

const list = (mutants) => {
  for (const mutant of mutants.filter(({ status }) => SURVIVED.includes(status))) console.log(survivor(mutant))
}

const countOf = (mutants, statuses) => mutants.filter(({ status }) => statuses.includes(status)).length

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))
const writeJson = (path, data) => writeFileSync(path, `${JSON.stringify(data, null, 2)}\n`)

const knownOf = (name) => `.report/mutation/${name}/incremental.json`

/** What was not drawn the last time is not known: the next time it is asked, if the lot falls on it. */
export const forgetUndrawn = (name) => {
  if (!existsSync(knownOf(name))) return
  const known = readJson(knownOf(name))
  for (const file of Object.values(known.files)) file.mutants = file.mutants.filter(({ status }) => status !== UNDRAWN)
  writeJson(knownOf(name), known)
}

/** What came of each file the last time that all of it was asked, and of each sample of a package. */
const FIGURES = 'scripts/mutation/figures.json'

/** Keeps how many mutants of each file of a whole run were found, and how many were not. */
export const record = (results) => {
  const figures = readJson(FIGURES)
  for (const [file, mutants] of Map.groupBy(results, ({ fileName }) => nameOf(fileName)))
    figures.files[file] = {
      found: countOf(mutants, KILLED),
      not: countOf(mutants, SURVIVED),
      ignored: countOf(mutants, ['Ignored']),
    }
  figures.files = Object.fromEntries(Object.entries(figures.files).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  writeJson(FIGURES, figures)
}

/** How many mutants a package had at its last sample, those that are ignored left out. */
export const populationOf = (name) => readJson(FIGURES).samples[name]?.of

/** What tests may miss, in per cent: some changes make no difference to anybody. */
const MIN_SCORE = 85

const scoreOf = (found, not) => Number(((100 * found) / (found + not)).toFixed(1))

/** Lists the mutants of a package, so far, that no test has noticed; says whether that is little enough. */
export const summarize = (name) => {
  const files = existsSync(knownOf(name)) ? Object.entries(readJson(knownOf(name)).files) : []
  const mutants = files.flatMap(([fileName, file]) => file.mutants.map((mutant) => ({ ...mutant, fileName })))
  list(mutants)
  const [found, not] = [countOf(mutants, KILLED), countOf(mutants, SURVIVED)]
  const ignored = countOf(mutants, ['Ignored'])
  console.log(`${name}: ${scoreOf(found, not)} % (${found} found, ${not} not, ${ignored} ignored)`)
  return scoreOf(found, not) >= MIN_SCORE
}

/** Two-sided 95 %. */
const Z = 1.96

/** Where the share of all is, in per cent, if so many of those drawn were found: Wilson's score interval. */
const wilson = (found, drawn) => {
  const share = found / drawn
  const middle = share + Z ** 2 / (2 * drawn)
  const half = Z * Math.sqrt((share * (1 - share)) / drawn + (Z / (2 * drawn)) ** 2)
  return [middle - half, middle + half].map((bound) => Number(((100 * bound) / (1 + Z ** 2 / drawn)).toFixed(1)))
}

/** Keeps what came of a sample, and lists those of it that no test has noticed; says whether that is little enough. */
export const summarizeSample = (name, draw, results) => {
  // What runs when a module is loaded is done by the time that a test begins: it is not tried, whoever loads it anew.
  const tried = results.filter((mutant) => mutant.status !== 'Ignored' && !mutant.static)
  const mutants = tried.filter((mutant) => isDrawn(mutant, draw))
  list(mutants)
  const [found, not] = [countOf(mutants, KILLED), countOf(mutants, SURVIVED)]
  const [low, high] = wilson(found, found + not)
  const figures = readJson(FIGURES)
  const { draws } = figures.samples[name] ?? {}
  figures.samples[name] = {
    of: tried.length,
    draws: { ...draws, [draw.seed]: { found, not, score: scoreOf(found, not), low, high } },
  }
  writeJson(FIGURES, figures)
  console.log(
    `${name}: ${scoreOf(found, not)} %, ${low} to ${high} (${found} found, ${not} not, drawn of ${tried.length})`,
  )
  return scoreOf(found, not) >= MIN_SCORE
}
