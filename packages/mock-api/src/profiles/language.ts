// What the language models have in common: tokens by length, and answers of as many as they say.
import type { Random } from '../random.ts'

const WORDS = ['the', 'sky', 'over', 'this', 'town', 'is', 'wide', 'and', 'a', 'lamp', 'burns', 'late'] as const
/** English, of the tokenizers of today. */
const CHARS_PER_TOKEN = 4
/** Where a request sets no bound. */
const MAX_OUTPUT = 256

/** All that is said in a part of a request: what has other names than these is about it. */
const SAID = new Set(['content', 'text', 'parts', 'input', 'arguments'])

const strings = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Array.isArray(value)
      ? value.map(strings).join('')
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
            .filter(([name]) => SAID.has(name))
            .map(([, part]) => strings(part))
            .join('')
        : ''

/** As servers guess it, from the length alone. */
export const guessTokens = (...prompt: readonly unknown[]): number =>
  Math.ceil(prompt.map(strings).join('').length / CHARS_PER_TOKEN)

/** As a tokenizer counts: up to a tenth more or less than the guess, and some for the frame. */
export const countTokens = (random: Random, ...prompt: readonly unknown[]): number =>
  Math.max(1, Math.round(guessTokens(...prompt) * (0.9 + 0.2 * random()))) + 7

export interface Speech {
  /** One for each token. */
  readonly pieces: readonly string[]
  readonly text: string
  /** Whether it ended because it may not be longer. */
  readonly cut: boolean
}

/** An answer of as many tokens as its pieces, most often a short one. */
export const speak = (random: Random, max: number = MAX_OUTPUT): Speech => {
  const wanted = 1 + Math.floor(random() ** 2 * MAX_OUTPUT)
  const pieces = Array.from({ length: Math.min(wanted, max) }, (_, i) => {
    const word = WORDS[Math.floor(random() * WORDS.length)] ?? WORDS[0]
    return i === 0 ? word : ` ${word}`
  })
  return { pieces, text: pieces.join(''), cut: wanted > max }
}

/** A frame of an event stream. */
export const frame = (data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
