import type { DialectName } from '@aplomb/mock-api'
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { CLIENTS, type ClientName } from './clients.ts'
import { MOST_LOOKUPS, type Settings } from './settings.ts'

/** What the command line says. */
export interface Arguments {
  readonly settings: Settings
  /** Where the report goes. */
  readonly report: string
  readonly json: boolean
}

/** Every name of the type, or this does not compile. */
const DIALECTS: Readonly<Record<DialectName, true>> = {
  ietf: true,
  'draft-7': true,
  'draft-6': true,
  'x-ratelimit': true,
  'x-ratelimit-ms': true,
  'x-ratelimit-delta': true,
  okta: true,
  gitlab: true,
  github: true,
  openai: true,
  anthropic: true,
  discord: true,
  lists: true,
  shopify: true,
}

interface Flags extends Omit<Settings, 'outageAtMs' | 'silent' | 'only' | 'fleet'> {
  readonly fleet?: number
  readonly outageAt?: number
  readonly silent?: true
  readonly only?: ClientName
  readonly report: string
  readonly json?: true
}

const number =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Accepted: a number from ${min} to ${max}.`)
  }

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Accepted: a whole number from ${min} to ${max}.`)
  }

/** Told before the job, not after it. */
const writable = (path: string): string => {
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

const HOUR_MS = 3_600_000

/** Ends the process with code 2 and a message if an option makes no sense. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const command = new Command('npm start --')
    .description('Looks up addresses at an API that misbehaves: first with a naive client, then with aplomb.')
    .addOption(new Option('--lookups <n>', 'how many lookups').default(400).argParser(whole(1, MOST_LOOKUPS)))
    .addOption(new Option('--rate <n>', 'requests that the API takes per second').default(20).argParser(whole(1, 1e5)))
    .addOption(new Option('--concurrency <n>', 'requests that it takes at once').default(5).argParser(whole(1, 1e5)))
    .addOption(new Option('--credits <n>', 'credits to begin with').default(10_000).argParser(whole(1, 1e12)))
    .addOption(new Option('--outage-ms <ms>', 'length of the outage').default(2000).argParser(whole(0, HOUR_MS)))
    .addOption(
      new Option('--outage-at <ms>', 'its beginning, from the first request on (default: half of lookups / rate)') //
        .argParser(whole(0, HOUR_MS)),
    )
    .addOption(
      new Option('--missing <share>', 'share of addresses without a record').default(0.05).argParser(number(0, 1)),
    )
    .addOption(new Option('--latency-ms <ms>', 'latency, give or take half').default(100).argParser(whole(0, 60_000)))
    .addOption(new Option('--seed <n>', 'seed of everything random in the API').default(1).argParser(whole(0, 2 ** 32)))
    .addOption(
      new Option('--dialect <name>', 'headers that announce the limits').default('ietf').choices(Object.keys(DIALECTS)),
    )
    .addOption(new Option('--silent', 'announce no limits at all').conflicts('dialect'))
    .addOption(new Option('--only <client>', 'run one client only').choices(CLIENTS))
    .addOption(
      new Option('--fleet <n>', 'n processes on one key, each for itself and as one fleet (needs a Redis)')
        .argParser(whole(2, 64))
        .conflicts('only'),
    )
    .addOption(
      new Option('--report <file>', 'where to write the report').default('demo-report.html').argParser(writable),
    )
    .addOption(new Option('--json', 'results as JSON on stdout, all else on stderr'))
    .showHelpAfterError('(--help lists the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })

  const { outageAt, only, fleet, silent = false, report, json = false, ...flags } = command.opts<Flags>()
  const halfwayMs = Math.round((flags.lookups / flags.rate) * 500)
  return { settings: { ...flags, outageAtMs: outageAt ?? halfwayMs, silent, only, fleet }, report, json }
}
