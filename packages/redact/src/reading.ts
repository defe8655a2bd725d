/** A text as it reads once its escapes are undone. */
export interface Reading {
  readonly text: string
  /** Where each of its characters begins in the original, and at last where that ends; empty if they are the same. */
  readonly at: readonly number[]
}

/** Of URLs, HTML, JSON and source code, at any depth of JSON in JSON; and what is not seen at all. */
const ESCAPE =
  /%(?:[0-7][\da-f]|[c-f][\da-f](?:%[89ab][\da-f]){1,3})|&(?:#\d{1,7};?|#x[\da-f]{1,6};?|[a-z]{2,8};)|(?:(?<!\\)\\+|%)u(?:[\da-f]{4}|\{[\da-f]{1,6}\})|(?<!\\)\\+(?:x[\da-f]{2}|[nrt])|[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gi

const NAMED: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  amp: '&',
  apos: "'",
  colon: ':',
  equals: '=',
}

const undo = (escape: string): string => {
  const [, number] = /^(?:&#|.*[ux]\{?)(x?[\da-f]{2,7})/i.exec(escape) ?? []
  if (/^%[^u]/i.test(escape)) {
    try {
      return decodeURIComponent(escape)
    } catch {
      return escape
    }
  }
  if (escape.length === 1) return ''
  if (number === undefined) return NAMED[escape.slice(1, -1).toLowerCase()] ?? ' '
  const isDecimal = /^&#\d/.test(escape)
  const code = Number.parseInt(number.replace(/^x/i, ''), isDecimal ? 10 : 16)
  return code > 0x10ffff ? ' ' : String.fromCodePoint(code)
}

/** Escapes of escapes: what a gateway, an API and a page have each put around it. */
const DEEPEST = 6

/** The text as it stands, and as it reads, which is mostly the same. */
export const readingOf = (original: string): Reading => {
  // Most have none, and are what they are.
  if (original.search(ESCAPE) < 0) return { text: original, at: [] }
  let text = original
  let at = Array.from({ length: text.length + 1 }, (_, i) => i)
  for (let depth = 0; depth < DEEPEST; depth++) {
    const before = at
    const places: number[] = []
    let end = 0
    const next = text.replace(ESCAPE, (escape, index: number) => {
      const plain = undo(escape)
      for (; end < index; end++) places.push(before[end] ?? 0)
      for (let i = 0; i < plain.length; i++) places.push(before[index + (plain === escape ? i : 0)] ?? 0)
      end = index + escape.length
      return plain
    })
    if (next === text) break
    for (; end < before.length; end++) places.push(before[end] ?? 0)
    text = next
    at = places
  }
  return { text, at }
}

const LETTER = /[\p{L}\p{N}]/u
const ASCII_LETTER = /[a-z\d]+/g

/** Only letters and digits, in one case: what is left of a secret whatever was put around and between its characters. */
export const folded = (text: string): Reading => {
  let letters = ''
  const at: number[] = []
  if (!/[^\0-\x7f]/.test(text)) {
    for (const { 0: run, index } of text.toLowerCase().matchAll(ASCII_LETTER)) {
      letters += run
      for (let i = 0; i < run.length; i++) at.push(index + i)
    }
    return { text: letters, at }
  }
  for (let i = 0; i < text.length; i++) {
    const lower = text.charAt(i).toLowerCase()
    if (lower.length !== 1 || !LETTER.test(lower)) continue
    letters += lower
    at.push(i)
  }
  return { text: letters, at }
}
