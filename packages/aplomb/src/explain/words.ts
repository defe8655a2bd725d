/** Escape sequences, and marks that turn the direction of text: what a server says shall not move a cursor. */
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** What may be printed, with line breaks and tabs. */
export const printable = (text: string): string => text.replaceAll(/\r\n?/g, '\n').replaceAll(UNPRINTABLE, '\ufffd')

/** The same in one line. */
export const line = (text: string): string => printable(text).replaceAll(/\s+/g, ' ').trim()

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Each with the next smaller one. */
const UNITS: readonly (readonly [unit: string, ms: number, smaller: string, smallerMs: number])[] = [
  ['d', DAY, 'h', HOUR],
  ['h', HOUR, 'min', MINUTE],
  ['min', MINUTE, 's', SECOND],
  ['s', SECOND, 's', SECOND],
]

/** A duration for people, rounded up: `250 ms`, `1.5 s`, `6 min 30 s`, `2 d 4 h`. */
export const span = (ms: number): string => {
  if (ms <= 999) return `${Math.ceil(ms)} ms`
  if (ms <= 9900) return `${Math.ceil(ms / 100) / 10} s`
  const step = UNITS.find(([, unitMs]) => ms >= unitMs)?.[3] ?? SECOND
  const rounded = Math.ceil(ms / step) * step
  const [unit, unitMs, smaller, smallerMs] = UNITS.find(([, one]) => rounded >= one) ?? UNITS.at(-1)!
  const rest = Math.floor((rounded % unitMs) / smallerMs)
  return `${Math.floor(rounded / unitMs)} ${unit}${rest > 0 ? ` ${rest} ${smaller}` : ''}`
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Jitter that is a smaller share of the wait is not worth a word. */
const TOLD_SPREAD = 0.15

/** From when to when: `at once`, `after 1 s to 1.3 s`. */
export const afterText = (fromMs: number, toMs: number): string => {
  if (fromMs === 0) return 'at once'
  return `after ${span(fromMs)}${toMs - fromMs > fromMs * TOLD_SPREAD ? ` to ${span(toMs)}` : ''}`
}
