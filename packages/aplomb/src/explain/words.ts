/** Escape sequences, and marks that turn the direction of text: what a server says shall not move a cursor. */
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** What may be printed, with line breaks and tabs. */
export const printable = (text: string): string => text.replaceAll(/\r\n?/g, '\n').replaceAll(UNPRINTABLE, '\ufffd')

/** The same in one line. */
export const line = (text: string): string => printable(text).replaceAll(/\s+/g, ' ').trim()

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
]

/** A duration for people, in its two largest units: `250 ms`, `1.5 s`, `6 min 30 s`, `2 d 4 h`. */
export const span = (ms: number): string => {
  if (ms < 1000) return `${Math.ceil(ms)} ms`
  if (ms < 10_000) return `${Math.ceil(ms / 100) / 10} s`
  const first = UNITS.findIndex(([, unitMs]) => ms >= unitMs)
  const [unit, unitMs] = UNITS[first]!
  const [smaller, smallerMs] = UNITS[first + 1] ?? [unit, unitMs]
  if (smallerMs === unitMs) return `${Math.ceil(ms / unitMs)} ${unit}`
  const rest = Math.floor((ms % unitMs) / smallerMs)
  return `${Math.floor(ms / unitMs)} ${unit}${rest > 0 ? ` ${rest} ${smaller}` : ''}`
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** From when to when: `at once`, `after 1 s to 1.3 s`. */
export const afterText = (fromMs: number, toMs: number): string => {
  if (fromMs === 0) return 'at once'
  const [from, to] = [span(fromMs), span(toMs)]
  return from === to || toMs - fromMs < fromMs / 100 ? `after ${from}` : `after ${from} to ${to}`
}
