import { Command, InvalidArgumentError, Option } from 'commander'
import { named, writable } from '../goodput/command.ts'
import { type ClientName, CLIENTS } from './clients.ts'

const PARTS = ['clients in process', 'clients over loopback', 'one signal', 'middlewares', 'heap'] as const
export type Part = (typeof PARTS)[number]

/** What the command line says. */
export interface Arguments {
  readonly only: readonly Part[]
  readonly clients: readonly ClientName[]
  /** How much is measured, as a share of what is usual. */
  readonly scale: number
  /** Where everything measured goes. */
  readonly json: string | undefined
}

const share = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 10) return value
  throw new InvalidArgumentError('Accepted: a number above 0, up to 10.')
}

/** Ends the process with code 2 and a message if an option makes no sense. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const command = new Command('npm run bench:overhead --')
    .description(
      'What a call costs over bare fetch when all is well: in one process, and over loopback beside the peers.',
    )
    .addOption(
      new Option('--only <list>', `parts, or parts of their names: ${PARTS.join(', ')}`)
        .default(PARTS, 'all')
        .argParser(named(PARTS, (name) => name)),
    )
    .addOption(
      new Option('--clients <list>', 'names or parts of them; bare fetch is always among them')
        .default(CLIENTS, 'all')
        .argParser(named(CLIENTS, (name) => name)),
    )
    .addOption(new Option('--scale <n>', 'how much is measured: 0.1 is a tenth').default(1).argParser(share))
    .addOption(new Option('--json <file>', 'where to write everything measured').argParser(writable))
    .showHelpAfterError('(--help lists the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
  const { json, ...rest } = command.opts<Arguments>()
  return { ...rest, json }
}
