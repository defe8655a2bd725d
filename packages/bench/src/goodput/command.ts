import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Mode, MODES } from '../sim/modes.ts'
import { type ClientName, CLIENTS } from './clients.ts'

/** What the command line says. */
export interface Arguments {
  readonly modes: readonly Mode[]
  readonly clients: readonly ClientName[]
  readonly runs: number
  /** Where everything measured goes, and the plot. */
  readonly json: string | undefined
  readonly report: string | undefined
}

/** Those of `all` that a list names, in the order of `all`: each by its whole name, or by a part of it. */
export const named =
  <One>(all: readonly One[], nameOf: (one: One) => string) =>
  (list: string): readonly One[] => {
    const wanted = list.split(',').map((part) => {
      const text = part.trim().toLowerCase()
      const whole = all.filter((one) => nameOf(one).toLowerCase() === text)
      const found = whole.length > 0 ? whole : all.filter((one) => nameOf(one).toLowerCase().includes(text))
      if (text !== '' && found.length > 0) return found
      throw new InvalidArgumentError(
        `Nothing is called ${JSON.stringify(part)}; there are:\n  ${all.map(nameOf).join('\n  ')}`,
      )
    })
    return all.filter((one) => wanted.some((found) => found.includes(one)))
  }

const whole = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 1 && value <= 100) return value
  throw new InvalidArgumentError('Accepted: a whole number from 1 to 100.')
}

/** Told before the runs, not after them. */
export const writable = (path: string): string => {
  const folder = dirname(resolve(path))
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InvalidArgumentError('Accepted: the path of a file; this is a folder.')
  }
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    throw new InvalidArgumentError(`Accepted: a file in a folder that can be written to; ${folder} cannot.`)
  }
  return path
}

/** Ends the process with code 2 and a message if an option makes no sense. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const command = new Command('npm run bench:goodput --')
    .description(
      'Throws the same calls at APIs that are limited in different ways, through aplomb and its peers, over real HTTP.',
    )
    .addOption(
      new Option('--modes <list>', 'names or parts of them')
        .default(MODES, 'all')
        .argParser(named(MODES, ({ name }) => name)),
    )
    .addOption(
      new Option('--clients <list>', 'names or parts of them')
        .default(CLIENTS, 'all')
        .argParser(named(CLIENTS, (name) => name)),
    )
    .addOption(new Option('--runs <n>', 'runs of each, of which the medians are shown').default(1).argParser(whole))
    .addOption(new Option('--json <file>', 'where to write everything measured').argParser(writable))
    .addOption(new Option('--report <file>', 'where to write the plot, an HTML file').argParser(writable))
    .showHelpAfterError('(--help lists the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
  const { json, report, ...rest } = command.opts<Arguments>()
  return { ...rest, json, report }
}
