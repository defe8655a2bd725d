import { REDACTED } from './formats.ts'

/**
 * The letters that often follow each letter, from `a` to `z`: 343 pairs make up 98 % of English text, technical terms
 * included, and half of what is drawn by lot.
 */
const FOLLOWERS: readonly string[] =
  `abcdfgiklmnprstuvwxyz aceijlorsuy acdehiklorstuy abdegilorsuy abcdefghijlmnopqrstuvwxy aefilortuy aeghilnorsu aeilmnortuy
  abcdefgklmnopqrstvxz aeiosu aeiosu acdefiklnopstuvy abdeilmopsuy acdefgiklmnoprstuvyz abcdefghijklmnoprstuvwxy aeghiloprstuy
  u abcdefgiklmnoprstuvwy acdefhiklmnopstuy acdefhiloprstuwy abcdefgilmnoprst aeio aehinors aceipt aeilmnopst aeiz`.split(
    /\s+/,
  )

const rarePairs = (part: string): number => {
  const letters = part.toLowerCase()
  let rare = 0
  for (let i = 1; i < letters.length; i++) {
    if (!FOLLOWERS[letters.charCodeAt(i - 1) - 97]?.includes(letters.charAt(i))) rare++
  }
  return rare
}

const LONGEST_WORD = 24

/** Whether letters could be words or abbreviations, in one case or in CamelCase. */
const isWord = (letters: string): boolean => {
  if (letters.length < 6) return /^[A-Z]?[a-z]+$|^[A-Z]+s?$/.test(letters)
  const parts = letters.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []
  if (parts.some((part) => part.length > LONGEST_WORD)) return false
  // In random letters the case changes every other time.
  if (parts.length > 1 && letters.length / parts.length < 3) return false
  const rare = parts.reduce((sum, part) => sum + rarePairs(part), 0)
  return rare <= Math.max(1, Math.floor(letters.length / 8))
}

/** Numbers people write: dates, sizes, epochs. */
const LONGEST_NUMBER = 13

const isOrdinary = (piece: string): boolean => {
  if (/^\d+$/.test(piece)) return piece.length <= LONGEST_NUMBER
  if (/^[a-z]+$/i.test(piece)) return isWord(piece)
  // `v2`, `oauth2`, `4o`, `70b`, `22T12`
  return /^(?:[A-Z]?[a-z]{1,9}\d{1,2}|[A-Z]{1,9}\d{1,2}|\d{1,4}[a-z]{1,3}|\d{1,4}[A-Z]{1,3}|\d\dT\d\d)$/.test(piece)
}

/** Many APIs give them out as keys. */
const UUID = /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/i

/** How many characters of a run are in pieces that are neither words nor ordinary numbers. */
export const oddness = (run: string): number => {
  if (UUID.test(run)) return run.length
  let odd = 0
  for (const piece of run.split(/[^A-Za-z0-9]+/)) if (piece && !isOrdinary(piece)) odd += piece.length
  return odd
}

/** As much oddness as no ordinary word of a message has; keys have more. */
export const ODD_IN_TEXT = 9

/** Where a single word is expected, a key need not be long to be noticed. */
export const ODD = 6

const RUNS = /[A-Za-z0-9_+/=~%.$-]{8,}/g

/** Masks the runs of characters that look drawn by lot. */
export const maskTokens = (text: string): string =>
  text.replace(RUNS, (run) => {
    if (oddness(run) < ODD_IN_TEXT) return run
    // Of a path, only the segment.
    if (run.startsWith('/'))
      return run.replace(/[^/]+/g, (segment) => (oddness(segment) < ODD_IN_TEXT ? segment : REDACTED))
    return REDACTED
  })
