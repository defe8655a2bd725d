import {
  difference,
  explain,
  explainEntry,
  explainHar,
  type Explanation,
  formatExplanation,
  formatHarSummary,
  parseAnswers,
  parseHar,
  redactedCopy,
  responseOf,
  type SavedAnswer,
} from 'aplomb/explain'

/** What is known of the request, beside what `curl -v` says. */
export interface Given {
  readonly text: string
  readonly method?: string
  readonly url?: string
  /** Of a recording: the place of one exchange. All are summed up without. */
  readonly entry?: number | undefined
}

/** What the page shows. */
export interface Reading {
  /** Of a single answer. */
  readonly explanation?: Explanation | undefined
  /** All of it, as the command prints it. */
  readonly report: string
  /** A copy to be shown to others, with secrets masked. */
  readonly copy?: string | undefined
  /** Why the copy would mislead. */
  readonly misleads?: string | undefined
  /** How many exchanges a recording has. */
  readonly entries?: number | undefined
  readonly notes: readonly string[]
}

const shared = async (answer: SavedAnswer, original: Explanation): Promise<Pick<Reading, 'copy' | 'misleads'>> => {
  const copy = redactedCopy(answer)
  const [read] = parseAnswers(copy)
  if (!read) return {}
  const other = await explain(responseOf(read), read.request && { request: read.request })
  return { copy, misleads: difference(original, other) }
}

const readRecording = async (text: string, entry: number | undefined, columns: number): Promise<Reading> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new SyntaxError('it begins like a HAR file, but is no JSON')
  }
  const har = parseHar(json)
  const entries = har.entries.length
  if (entries === 0)
    throw new SyntaxError(
      `${har.problems[0] ?? 'log.entries is empty'}; of a single answer, paste the head, too: curl -i`,
    )
  if (entry === undefined) {
    const report = formatHarSummary(await explainHar(har), { columns })
    return { report, entries, notes: [] }
  }
  const one = har.entries.find(({ index }) => index === entry)
  if (!one) throw new RangeError(`it has no entry ${entry} that can be read`)
  const explanation = await explainEntry(one)
  const report = formatExplanation(explanation, { columns })
  return { explanation, report, entries, notes: [], ...(one.answer && (await shared(one.answer, explanation))) }
}

/**
 * Explains an answer as curl prints it, or a recording.
 *
 * @throws {SyntaxError} if it is neither, with the reason.
 */
export const read = async ({ text, method, url, entry }: Given, columns = 100): Promise<Reading> => {
  if (/^\s*[{[]/.test(text)) return readRecording(text, entry, columns)
  const answers = parseAnswers(text)
  const { request: seen, ...found } = answers.at(-1)!
  const request = { method: 'GET', headers: [], ...seen, ...(method && { method }), ...(url && { url }) }
  const answer: SavedAnswer = { ...found, request }
  const explanation = await explain(responseOf(answer), { request })
  const before = answers.slice(0, -1).map(({ status }) => status)
  return {
    explanation,
    report: formatExplanation(explanation, { columns }),
    notes: before.length > 0 ? [`The last of ${answers.length} answers; before it came ${before.join(', ')}.`] : [],
    ...(await shared(answer, explanation)),
  }
}

/** PowerShell's `>` writes UTF-16. */
export const textOf = (bytes: Uint8Array): string => {
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe
  return new TextDecoder(isWide ? 'utf-16le' : 'utf-8').decode(bytes)
}

/** A longer link is refused by some servers and messengers. */
const LONGEST_LINK = 8000

/** The part of a link that holds an answer; nothing of it is ever sent to a server. Undefined where it would be too long. */
export const toHash = (copy: string): string | undefined => {
  const hash = `#${new URLSearchParams({ answer: copy })}`
  return hash.length > LONGEST_LINK ? undefined : hash
}

export const fromHash = (hash: string): string | undefined =>
  new URLSearchParams(hash.replace(/^#/, '')).get('answer') ?? undefined
