/** What an answer says that was used, in tokens. */
export interface Usage {
  /** That counts against limits: not what was read from a cache, where that is said apart. */
  readonly input: number | undefined
  /** Of the input, what was read from a cache although it is in `input`. */
  readonly cached: number
  readonly output: number | undefined
}

/** The fields of a vendor's usage. */
export type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const amount = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined

const first = (usage: Fields, names: readonly string[]): number | undefined => {
  for (const name of names) {
    const found = amount(usage[name])
    if (found !== undefined) return found
  }
  return undefined
}

const INPUT = ['prompt_tokens', 'input_tokens', 'promptTokenCount', 'inputTokens']
const OUTPUT = ['completion_tokens', 'output_tokens', 'candidatesTokenCount', 'outputTokens']
/** Counted besides the input: Anthropic, and Bedrock. */
const WRITTEN = ['cache_creation_input_tokens', 'cacheWriteInputTokens']
const DETAILS = ['prompt_tokens_details', 'input_tokens_details']

/** What is common to the vendors' `usage` and `usageMetadata`. */
export const readUsage = (usage: Fields): Usage => {
  const input = first(usage, INPUT)
  const output = first(usage, OUTPUT)
  const details = DETAILS.map((name) => usage[name]).find(isObject)
  return {
    input: input === undefined ? undefined : input + (first(usage, WRITTEN) ?? 0),
    cached: (details && amount(details['cached_tokens'])) ?? 0,
    output: output === undefined ? undefined : output + (amount(usage['thoughtsTokenCount']) ?? 0),
  }
}

/** Longer than any vendor's. */
const MAX_CHARS = 16_384
/** The key, and blanks between it and what it is of. */
const KEY_CHARS = 64
// A quote after a backslash is in a text that the model has written.
const KEY = /(?<!\\)"(?:usage|usageMetadata)"\s{0,16}:\s{0,16}(?=\{)/g

/** Where the object that begins there ends, or undefined if that is not to be seen. */
const endOf = (text: string, start: number): number | undefined => {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at)
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === '{') depth++
    else if (char === '}' && --depth === 0) return at + 1
  }
  return undefined
}

const parse = (json: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Looks for usage in JSON, or in frames of it, that comes bit by bit. Keeps no more of it than a usage is long. */
export interface Scanner {
  feed(text: string): void
}

export const newScanner = (found: (usage: Fields) => void): Scanner => {
  let rest = ''
  return {
    feed: (more) => {
      const text = rest + more
      let from = Math.max(0, text.length - KEY_CHARS)
      for (const match of text.matchAll(KEY)) {
        const start = match.index + match[0].length
        const end = endOf(text, start)
        if (end === undefined) {
          from = Math.min(from, match.index)
          break
        }
        const usage = parse(text.slice(start, end))
        if (usage) found(usage)
        from = Math.max(end, text.length - KEY_CHARS)
      }
      rest = text.slice(Math.max(from, text.length - MAX_CHARS))
    },
  }
}

/** Of an answer that was parsed already. */
export const usageOf = (answer: unknown): Fields | undefined => {
  const usage = isObject(answer) ? (answer['usage'] ?? answer['usageMetadata']) : undefined
  return isObject(usage) ? usage : undefined
}
