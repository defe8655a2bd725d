import { calledBy } from './names.ts'

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

const ACRONYM = /^[A-Z]{2,5}$/

/** Whether letters could be words or abbreviations, in one case or in CamelCase. */
const isWord = (letters: string): boolean => {
  if (letters.length < 6) return /^[A-Z]?[a-z]+$|^[A-Z]+s?$/.test(letters)
  const parts = letters.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []
  // No word has a letter three times in a row.
  if (/(.)\1\1/i.test(letters) || parts.some((part) => part.length > LONGEST_WORD)) return false
  // In random letters the case changes every other time; two or three words may be short.
  if (parts.length > 1 && letters.length / parts.length < (parts.length > 3 ? 4 : 3)) return false
  const rare = parts.reduce((sum, part) => sum + (ACRONYM.test(part) ? 0 : rarePairs(part)), 0)
  return rare <= Math.max(1, Math.floor(letters.length / 8))
}

/** Account ids, snowflakes, epochs in nanoseconds. */
const LONGEST_NUMBER = 20

/** `v2`, `4o`, `70b`, `AADSTS700016`, `TS2304`, `0x80070005`, `20260115T120000Z`, `12h34m16s` */
const NOTATION =
  /^(?:[A-Z]?[a-z]{1,9}\d{1,4}|[A-Z]{1,9}\d{1,8}|\d{1,4}[a-z]{1,3}|\d{1,4}[A-Z]{1,3}|0x[\da-fA-F]{1,16}|(?:\d{8}|\d\d)T\d\d(?:\d{4})?Z?|(?:\d+(?:[smhdw]|[mun\u00b5]s))+)$/

/** `oauth2Client`, `Http2ServerError`: words with a number in between. Keys have more, and shorter ones. */
const WORDS_WITH_NUMBER = /^[A-Za-z]{3,20}\d{1,2}[A-Za-z]{3,20}\d{0,2}$/

const isOrdinary = (piece: string): boolean => {
  if (/^\d+$/.test(piece)) return piece.length <= LONGEST_NUMBER
  if (/^[a-z]+$/i.test(piece)) return isWord(piece)
  if (NOTATION.test(piece)) return true
  return WORDS_WITH_NUMBER.test(piece) && piece.split(/\d+/).every((one) => isWord(one))
}

const piecesOf = (run: string): string[] => run.split(/[^A-Za-z0-9]+/).filter((piece) => piece && !isOrdinary(piece))

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** How many characters of a run are in pieces that are neither words nor ordinary numbers. */
export const oddness = (run: string): number =>
  UUID.test(run) ? run.length : piecesOf(run).reduce((sum, { length }) => sum + length, 0)

/**
 * What issuers publish as identifiers, by its form: UUIDs, W3C and X-Ray traces, ULIDs, ObjectIds, host names, and what has
 * a prefix of their objects.
 */
const ID =
  /^(?:00-[\da-f]{32}-[\da-f]{16}-0\d|(?:Root=)?1-[\da-f]{8}-[\da-f]{24}|0[01][\dA-HJKMNP-TV-Z]{24}|[4-6][\da-f]{23}|(?:[a-z\d-]{1,63}\.){1,8}[a-z]{2,6}|(?:req|c[hs]|cus|p[imoy]|in|ii|sub|si|prod|price|evt|acct|txn|re|card|src|seti|d[pu]|file|org|proj|user|msg|resp|run|thread|batch|call|toolu|fc|team|order|inv|trace|job|task|dpl|prj|plan)_[A-Za-z\d]{8,64}|(?:chatcmpl|cmpl|org|file|batch|run|gen|req)-[A-Za-z\d]{8,40})$/

const isOneCase = (run: string): boolean => run === run.toLowerCase() || run === run.toUpperCase()

/** In one case, words of other languages, serial numbers and names of machines look so, too. */
const ODD_IN_ONE_CASE = 18

/** Whether a run of characters looks drawn by lot: so many of them, or more in a row where all are in one case. */
export const isDrawn = (run: string, odd: number, oddInOneCase: number = 2 * odd): boolean => {
  const pieces = piecesOf(run)
  if (pieces.some(({ length }) => length >= oddInOneCase)) return true
  return !pieces.every(isOneCase) && pieces.reduce((sum, { length }) => sum + length, 0) >= odd
}

export const isId = (run: string): boolean => UUID.test(run) || ID.test(run)

/** As much oddness as no ordinary word of a message has; keys have more. */
export const ODD_IN_TEXT = 9

/** Where a single word is expected, or a text ends and may have been cut, a key need not be long to be noticed. */
export const ODD = 6

/** Where a secret is expected. */
export const ODD_AS_SECRET = 3

const RUNS = /[A-Za-z0-9_+/~%.$-]{6,}={0,2}/g

const BEFORE_CHARS = 48

const trimmed = (run: string): string => run.replace(/^[^A-Za-z\d]+|[^A-Za-z\d]+$/g, '')

/** Tells of the runs of characters that look drawn by lot, but for what is called an identifier, or has the form of one. */
export const findTokens = (text: string, found: (from: number, to: number) => void): void => {
  for (const { 0: run, index } of text.matchAll(RUNS)) {
    if (oddness(run) === 0) continue
    const end = index + run.length
    const called = calledBy(text.slice(Math.max(0, index - BEFORE_CHARS), index))
    if (called === 'id') continue
    const odd = called ? ODD_AS_SECRET : end === text.length ? ODD : ODD_IN_TEXT
    const isToken = (part: string): boolean => {
      const inner = trimmed(part)
      return called ? UUID.test(inner) || isDrawn(inner, odd) : !isId(inner) && isDrawn(inner, odd, ODD_IN_ONE_CASE)
    }
    const parts = [...run.matchAll(/[^/]+/g)]
    const drawn = parts.filter(([part]) => isToken(part))
    // Base64 has slashes, too: then the rest is no path.
    const isPath = run.startsWith('/') || parts.every(([part]) => oddness(part) === 0 || isId(part) || isToken(part))
    if (parts.length > 1 && isPath)
      for (const part of drawn) found(index + part.index, index + part.index + part[0].length)
    else if (drawn.length > 0 || isToken(run)) found(index, end)
  }
}
