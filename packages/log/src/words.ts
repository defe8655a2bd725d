import { REDACTED } from './formats.ts'

const CONSONANTS_IN_A_ROW = /[bcdfghjklmnpqrstvwxz]{5}/i
const LONGEST_WORD = 24
const VOWELS = /[aeiouy]/gi

/** Whether a run of letters could be a word or an abbreviation, in one case or in CamelCase. */
const isWord = (letters: string): boolean => {
  if (letters.length < 6) return true
  const parts = letters.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []
  // Random letters change their case every other time.
  if (parts.length > 2 && letters.length / parts.length < 3.5) return false
  return parts.every((part) => {
    if (part.length < 6) return true
    const vowels = part.match(VOWELS)?.length ?? 0
    if (part.length > LONGEST_WORD || vowels === 0) return false
    return part.length < 12 || (vowels >= part.length / 5 && !CONSONANTS_IN_A_ROW.test(part))
  })
}

/** Numbers people write: dates, sizes, epochs. */
const LONGEST_NUMBER = 13

const isOrdinary = (piece: string): boolean => {
  if (/^\d+$/.test(piece)) return piece.length <= LONGEST_NUMBER
  if (/^[a-z]+$/i.test(piece)) return isWord(piece)
  // `v2`, `oauth2`, `4o`, `70b`, `22T12`
  return /^(?:[a-z]{1,10}\d{1,2}|\d{1,4}[a-z]{1,3}|\d{1,2}T\d{1,2})$/i.test(piece)
}

/** How many characters of a run are in pieces that are neither words nor ordinary numbers. */
export const oddness = (run: string): number => {
  let odd = 0
  for (const piece of run.split(/[^A-Za-z0-9]+/)) if (piece && !isOrdinary(piece)) odd += piece.length
  return odd
}

/** As much oddness as no ordinary word of a message has; keys have more. */
const ODD = 9

const RUNS = /[A-Za-z0-9_+/=~%.$-]{8,}/g

/** Masks the runs of characters that look drawn by lot. */
export const maskTokens = (text: string): string =>
  text.replace(RUNS, (run) => {
    if (oddness(run) < ODD) return run
    // Of a path, only the segment.
    if (run.startsWith('/')) return run.replace(/[^/]+/g, (segment) => (oddness(segment) < ODD ? segment : REDACTED))
    return REDACTED
  })
