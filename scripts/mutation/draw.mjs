import { CheckStatus } from '@stryker-mutator/api/check'
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import { createHash } from 'node:crypto'
import { nameOf } from './packages.mjs'

/** The lot of one mutant, in [0, 1): the same as long as the seed and its place in the file are. */
const lotOf = ({ fileName, mutatorName, replacement, location: { start, end } }, seed) => {
  const place = [seed, nameOf(fileName), start.line, start.column, end.line, end.column, mutatorName, replacement]
  return createHash('sha256').update(place.join('\0')).digest().readUInt32BE() / 2 ** 32
}

/** Whether a mutant is among the share of all that is drawn. A larger share of the same seed holds a smaller one. */
export const isDrawn = (mutant, { share, seed }) => lotOf(mutant, seed) < share

/** Lines and columns of a result begin at one, those of a checker's mutant at zero. */
const fromOne = ({ line, column }) => ({ line: line + 1, column: column + 1 })

/** Keeps from being run what was not drawn: a checker is asked after what is known and what is ignored, before all else. */
class Draw {
  #draw = JSON.parse(process.env.MUTATION_DRAW)

  async init() {}

  async check(mutants) {
    const answer = ({ fileName, mutatorName, replacement, location: { start, end } }) =>
      isDrawn(
        { fileName, mutatorName, replacement, location: { start: fromOne(start), end: fromOne(end) } },
        this.#draw,
      )
        ? { status: CheckStatus.Passed }
        : { status: CheckStatus.CompileError, reason: 'not drawn' }
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, answer(mutant)]))
  }

  async group(mutants) {
    return [mutants.map(({ id }) => id)]
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, 'draw', Draw)]
