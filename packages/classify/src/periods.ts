import { DAY, HOUR, MINUTE, SECOND } from '@aplomb/limits'

/** A length of time that a sentence gives to a limit. */
export interface Period {
  readonly ms: number
  /** In its words: "per day". */
  readonly said: string
}

/** By the first letters: `s`, `sec`, `seconds`. A month comes before the minute. */
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^mo/i, 30 * DAY],
  [/^[ya]/i, 365 * DAY],
  [/^s/i, SECOND],
  [/^m(?!id)/i, MINUTE],
  [/^h/i, HOUR],
  [/^w/i, 7 * DAY],
  // day, daily, today, tomorrow, midnight
  [/^[dt]|^mid/i, DAY],
]
const UNIT = '(?<unit>sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?|months?|years?)'
const COUNTED = String.raw`(?<count>\d{1,4})[\s-]?(?<unit>[smhdwy]|sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?|months?|years?)`

const PERIODS: readonly RegExp[] = [
  /\b(?<unit>daily|weekly|monthly|yearly|annual|hourly|minutely|secondly|today|tomorrow|midnight)\b/gi,
  new RegExp(
    String.raw`(?:\b(?:per|each|every|an?|this|the|current|calendar|next|for)[\s-]|\/)\s?${UNIT}(?![a-z])`,
    'gi',
  ),
  new RegExp(String.raw`(?:\b(?:per|each|every|within|last|past|rolling)[\s-](?:an?\s)?|\/)\s?${COUNTED}\b`, 'gi'),
  // "5-hour usage limit", "a 10 second period"
  new RegExp(String.raw`\b${COUNTED}[\s-](?:\w{1,12}[\s-])?(?:limit|quota|window|period|allowance)\b`, 'gi'),
  /(?<!\bin )\b(?<count>24)[\s-]?(?<unit>h)(?:(?:ou)?rs?)?\b/gi,
  // "Rate Limited Day"
  new RegExp(String.raw`\blimit(?:ed)?[\s:_-]{1,3}${UNIT}\b`, 'gi'),
  // A day's is left to the code beside it, which says whether a wait is named.
  /\b(?:[RTQ]|IT|OT)P(?<unit>[SMH])\b/g,
]

/** The lengths of time that a text gives to limits, whatever it calls them: "/day", "per 24h", "current minute", "RPM". */
export const periodsIn = (text: string): readonly Period[] =>
  PERIODS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ 0: said, groups: { count = '1', unit = '' } = {} }) => ({
      ms: Number(count) * (UNITS.find(([start]) => start.test(unit))?.[1] ?? 0),
      said: said.trim(),
    })),
  )
