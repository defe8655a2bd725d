import { parseArgs } from 'node:util'
import { rules } from '@aplomb/classify'
import type { Rule } from '@aplomb/classify'
import {
  difference,
  explain,
  explainEntry,
  explainHar,
  type ExplainOptions,
  type Explanation,
  type Field,
  formatExplanation,
  formatHarSummary,
  type Har,
  parseAnswers,
  parseHar,
  redactedCopy,
  responseOf,
  type SavedAnswer,
  type SavedRequest,
  type Style,
} from '../explain/index.ts'

/** What the command sees of the process. */
export interface Terminal {
  readonly read: (path: string) => Promise<Uint8Array>
  /** Standard input to its end, or undefined if a person sits there. */
  readonly stdin: () => Promise<Uint8Array | undefined>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly style: Style
  readonly columns: number | undefined
  readonly version: string
}

/** Exit codes. */
const EXPLAINED = 0
const UNREADABLE = 1
const MISUSED = 2

const HELP = `Usage: aplomb explain [file] [options]

Says what an answer of an HTTP API means, and what aplomb would do with it. Reads a file, or standard input:

    curl -i https://api.example.com/v1/items | npx aplomb explain
    npx aplomb explain response.txt           what curl -i, -iv or -D - has printed
    npx aplomb explain recording.har          a recording of a browser or proxy: a summary by endpoint

  -X, --method <method>   what was asked (default: what curl -v says, else GET)
      --url <url>         of whom: known hosts, and --lookup, go by it
  -H, --header <header>   a header of the request, as for curl; repeatable
      --lookup <path>     where 404 means "no record", such as /v1/lookup/:ip; repeatable
      --rules <names>     limits inside a 200: ${Object.keys(rules).join(', ')}, or all
      --entry <number>    explain one exchange of a recording
      --json              for machines; the shape is in docs/explain.md
      --redacted          print a copy of the answer with secrets masked, to report a misreading with
  -h, --help
      --version

Exit code: 0 explained, 1 nothing that can be read, 2 wrong usage. NO_COLOR and FORCE_COLOR are honoured.`

const ISSUES = 'https://github.com/aplomb-js/aplomb/issues'
const MISREAD = `Misread? Run it with --redacted, look the copy over, and paste it at ${ISSUES} with what is right.`

/** Wrong usage. */
class UsageError extends Error {
  override readonly name = 'UsageError' as const
}

const OPTIONS = {
  method: { type: 'string', short: 'X' },
  url: { type: 'string' },
  header: { type: 'string', short: 'H', multiple: true },
  lookup: { type: 'string', multiple: true },
  rules: { type: 'string', multiple: true },
  entry: { type: 'string' },
  json: { type: 'boolean' },
  redacted: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values']

const argsOf = (args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

const rulesOf = (names: readonly string[] = []): readonly Rule[] => {
  const wanted = names.flatMap((one) => one.split(',')).map((one) => one.trim())
  if (wanted.includes('all')) return Object.values(rules)
  return wanted.map((name) => {
    if (!Object.hasOwn(rules, name))
      throw new UsageError(`--rules ${name}: there are ${Object.keys(rules).join(', ')} and all`)
    return rules[name as keyof typeof rules]
  })
}

const headersIn = (given: readonly string[] = []): readonly Field[] =>
  given.map((one) => {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(one) ?? []
    // It may hold a secret, and is not repeated.
    if (name === undefined || value === undefined) throw new UsageError('--header takes "Name: value"')
    return [name, value]
  })

const optionsOf = ({ lookup, rules: names }: Values): ExplainOptions => {
  for (const path of lookup ?? [])
    if (!path.startsWith('/')) throw new UsageError(`--lookup ${path}: a path begins with "/", such as /v1/lookup/:ip`)
  return { rules: rulesOf(names), ...(lookup && { lookups: lookup }) }
}

const requestOf = ({ method, url, header }: Values): Partial<SavedRequest> => {
  if (url !== undefined && !URL.canParse(url))
    throw new UsageError('--url takes a whole URL, such as https://api.example.com/v1/items')
  if (method !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(method))
    throw new UsageError('--method takes a method, such as POST')
  return {
    ...(method !== undefined && { method: method.toUpperCase() }),
    ...(url !== undefined && { url }),
    ...(header && { headers: headersIn(header) }),
  }
}

/** PowerShell's `>` writes UTF-16. */
const textOf = (bytes: Uint8Array): string => {
  const [first, second] = bytes
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return new TextDecoder(isWide ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(bytes)
}

const inputOf = async (path: string | undefined, terminal: Terminal): Promise<string> => {
  if (path !== undefined && path !== '-') {
    try {
      return textOf(await terminal.read(path))
    } catch (error) {
      throw new Error(
        (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message,
        { cause: error },
      )
    }
  }
  const bytes = await terminal.stdin()
  if (bytes === undefined) throw new UsageError('a file, or an answer on standard input, is missing')
  return textOf(bytes)
}

/** The recording, if it is one: an answer begins with anything but a brace. */
const harIn = (text: string): Har | undefined => {
  if (!/^\s*[{[]/.test(text)) return undefined
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    // The rest of what it says quotes the file.
    const where = /at position \d+/.exec((error as Error).message)?.[0] ?? 'it is cut off'
    throw new SyntaxError(`it begins like a HAR file, but is no JSON (${where})`, { cause: error })
  }
  const har = parseHar(json)
  if (har.entries.length > 0) return har
  const [problem = 'log.entries is empty'] = har.problems
  throw new SyntaxError(`${problem}; of a single answer, save the head, too: curl -i`)
}

const lines = (...texts: readonly (string | undefined)[]): string =>
  texts.filter((text) => text !== undefined).join('\n')

/** An answer that nobody has unpacked. */
const isPacked = ({ headers, body }: SavedAnswer): boolean =>
  body.includes('\ufffd') &&
  headers.some(([name, value]) => /^content-encoding$/i.test(name) && /gzip|br|zstd|deflate/i.test(value))

/** Which rule reads a refusal in a success, if one does. */
const ruleFor = async (answer: SavedAnswer, options: ExplainOptions): Promise<string | undefined> => {
  for (const [name, rule] of Object.entries(rules)) {
    const { verdict } = await explain(responseOf(answer), { ...options, rules: [rule] })
    if (verdict.action !== 'use') return `With --rules ${name} it is ${verdict.kind} (${verdict.evidence}).`
  }
  return undefined
}

/** A copy to be shown; if it would mislead, that is said beside it. */
const copyOf = async (
  answer: SavedAnswer,
  original: Explanation,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<string> => {
  const text = redactedCopy(answer)
  const [copy] = parseAnswers(text)
  const other =
    copy &&
    difference(
      original,
      await explain(responseOf(copy), { ...options, ...(copy.request && { request: copy.request }) }),
    )
  if (other !== undefined) terminal.err(`aplomb: ${other}: what was masked has told it. Say so where you paste it.\n`)
  return text
}

const explainAnswers = async (text: string, values: Values, terminal: Terminal): Promise<string> => {
  const answers = parseAnswers(text)
  const found = answers.at(-1)!
  const known = requestOf(values)
  const { request: seen, ...rest } = found
  const request = { method: 'GET', ...seen, ...known, headers: [...(seen?.headers ?? []), ...(known.headers ?? [])] }
  const answer: SavedAnswer = { ...rest, request }
  const options = { ...optionsOf(values), request }
  const explanation = await explain(responseOf(answer), options)
  if (values.redacted) return copyOf(answer, explanation, options, terminal)
  if (values.json) return JSON.stringify(explanation, null, 2)
  const { style, columns } = terminal
  const before = answers.slice(0, -1).map(({ status }) => status)
  const packed = isPacked(answer) ? 'The body is packed, and was not read: curl --compressed unpacks it.' : undefined
  return lines(
    formatExplanation(explanation, { style, columns }),
    '',
    before.length > 0 ? `The last of ${answers.length} answers; before it came ${before.join(', ')}.` : undefined,
    packed,
    explanation.verdict.kind === 'ok' ? await ruleFor(answer, options) : undefined,
    style('dim', MISREAD),
  )
}

const explainRecording = async (har: Har, values: Values, terminal: Terminal): Promise<string> => {
  const { style, columns } = terminal
  const options = optionsOf(values)
  if (Object.keys(requestOf(values)).length > 0)
    throw new UsageError('--method, --url and --header are for a single answer: a recording has them')
  if (values.entry === undefined) {
    if (values.redacted) throw new UsageError('--redacted copies one answer: name it with --entry')
    const summary = await explainHar(har, options)
    if (values.json) return JSON.stringify(summary, null, 2)
    return lines(
      formatHarSummary(summary, { style, columns }),
      '',
      style('dim', '--entry <number> explains one of them.'),
    )
  }
  const entry = har.entries.find(({ index }) => String(index) === values.entry)
  if (!entry) throw new UsageError(`--entry ${values.entry}: there is no such one that can be read`)
  const explanation = await explainEntry(entry, options)
  if (values.redacted) {
    if (!entry.answer) throw new UsageError(`--entry ${values.entry} has no answer to copy`)
    return copyOf(entry.answer, explanation, options, terminal)
  }
  if (values.json) return JSON.stringify(explanation, null, 2)
  const isServed = entry.answer !== undefined && explanation.verdict.kind === 'ok'
  return lines(
    formatExplanation(explanation, { style, columns }),
    '',
    isServed ? await ruleFor(entry.answer, options) : undefined,
    style('dim', MISREAD),
  )
}

const main = async (args: readonly string[], terminal: Terminal): Promise<string> => {
  const { values, positionals } = argsOf(args)
  if (values.help) return HELP
  if (values.version) return terminal.version
  const [command, path, ...more] = positionals
  if (command !== 'explain')
    throw new UsageError(command === undefined ? 'a command is missing' : `there is no command "${command}"`)
  if (more.length > 0) throw new UsageError('one file at a time')
  if (values.json && values.redacted) throw new UsageError('--json or --redacted, not both')
  // Validated before standard input is read, which may block.
  optionsOf(values)
  requestOf(values)
  const text = await inputOf(path, terminal)
  try {
    const har = harIn(text)
    if (har) return await explainRecording(har, values, terminal)
    if (values.entry !== undefined) throw new UsageError('--entry is for a HAR file')
    return await explainAnswers(text, values, terminal)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new Error(`${path === undefined || path === '-' ? 'standard input' : path}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Runs the command. Returns its exit code. */
export const run = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  try {
    terminal.out(`${await main(args, terminal)}\n`)
    return EXPLAINED
  } catch (error) {
    const isUsage = error instanceof UsageError
    terminal.err(`aplomb: ${(error as Error).message}\n${isUsage ? 'aplomb explain --help tells how.\n' : ''}`)
    return isUsage ? MISUSED : UNREADABLE
  }
}
