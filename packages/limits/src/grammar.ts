import type { HeaderRow, Meaning } from './rows.ts'
import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

/** A row that was matched to a header name. */
export interface Resolved extends HeaderRow {
  readonly header: string
  readonly group: string
  /** Position in the table: of several waits or reasons, the smallest counts. */
  readonly rank: number
}

/** Window lengths that names give away: `-minute`, `-10s`, `daily`, `24hour`. */
const LENGTHS: readonly (readonly [RegExp, number])[] = [
  [/^(?:s|secs?|seconds?|secondly|qps|rps)$/, SECOND],
  [/^(?:m|mins?|minutes?|minutely|rpm|tpm)$/, MINUTE],
  [/^(?:h|hrs?|hours?|hourly)$/, HOUR],
  [/^(?:d|days?|daily|rpd|tpd|today)$/, DAY],
  [/^(?:w|weeks?|weekly)$/, 7 * DAY],
  [/^(?:mo|months?|monthly)$/, 30 * DAY],
]

/** The length of a window that is called so, or undefined if the name does not tell. */
export const lengthOf = (name: string): number | undefined => {
  for (const word of name.toLowerCase().split(/[-_. ]/)) {
    const [, count = '', unit = ''] = /^(\d{0,4})([a-z]+)$/.exec(word) ?? []
    // "requests-m" would be a guess; "requests-1m" is not.
    if (unit === '' || (unit.length < 2 && count === '')) continue
    const length = LENGTHS.find(([pattern]) => pattern.test(unit))?.[1]
    if (length !== undefined) return length * (count === '' ? 1 : Number(count) || 1)
  }
  return undefined
}

const COUNTS: readonly (readonly [RegExp, string])[] = [
  [/tokens/, 'tokens'],
  [/credits?|points|complexity|units|cost/, 'credits'],
  [/bytes|bandwidth/, 'bytes'],
]

/** What a word of a header name says about the value. Of several words, the one that comes first here decides. */
const WORDS: readonly (readonly [RegExp, Meaning])[] = [
  [/^(?:resets?(?:time|at|after|in)?|next)$/, 'reset'],
  [/^(?:remaining|remain|left|available)$/, 'remaining'],
  [/^utilization$/, 'utilization'],
  [/^(?:used|usage|count|observed|consumed|current|active|spent|running)$/, 'used'],
  [/^(?:window|interval|period|duration)$/, 'window'],
  [/^polic(?:y|ies)$/, 'policy'],
  [/^(?:reason|problem|type|scope)$/, 'reason'],
  [/^(?:resource|bucket|category|name|rule)$/, 'label'],
  [/^(?:limit|max|maximum|total|allowed|ceiling|capacity|quota)$/, 'limit'],
]
/** Words that say how a value is written, not which window it belongs to. */
const FILLERS = /^(?:ms|millis|milliseconds|seconds|secs?|s|utc|epoch|timestamp|unix|date|time|at|after|in|on|per)$/

const CONCURRENCY: Partial<Record<Meaning, Meaning>> = {
  limit: 'concurrency-limit',
  used: 'concurrency-active',
  remaining: 'concurrency-remaining',
}
const CREDITS: Partial<Record<Meaning, Meaning>> = {
  limit: 'credits-limit',
  used: 'credits-used',
  remaining: 'credits-remaining',
}

const CONCURRENT = /concurren|parallel|in-?flight|simultaneous/
const FAMILY =
  /^(?<family>(?<prefix>.*?)(?:rate-?limit(?:s|ing)?|request-?limit|throttl(?:e|ing)|quota))(?:-(?<rest>.+))?$/
const COST = /(?:^|-)(?:costs?|credits?-(?:charged|spent)|charged-credits?)$/
const CREDIT = /(?:^|-)credits?(?:-|$)/

/** Reads a header name word by word: `x-ratelimit-limit-requests`, `acme-ratelimit-tokens-remaining`, `x-credits-left`. */
export const readName = (header: string): Omit<Resolved, 'rank'> | undefined => {
  const groups = FAMILY.exec(header)?.groups
  const concurrent = CONCURRENT.test(header)
  const words = (groups ? (groups['rest'] ?? '') : header).split('-').filter(Boolean)
  const roles = words.map((word) => WORDS.findIndex(([pattern]) => pattern.test(word)))
  const role = WORDS[Math.min(...roles.map((index) => (index < 0 ? WORDS.length : index)))]?.[1]

  if (concurrent) {
    const means = role && CONCURRENCY[role]
    return means && { header, means, group: header }
  }
  if (groups) {
    const prefix = (groups['prefix'] ?? '').replace(/^x-/, '').replace(/-$/, '')
    const own = words.filter((word, i) => roles[i] === -1 && !FILLERS.test(word)).join('-')
    const name = own || prefix || undefined
    const unit = words.some((word) => /^(?:ms|millis|milliseconds)$/.test(word)) ? 'ms' : undefined
    return {
      header,
      // "-daily" alone is the day's limit; nothing at all is either the IETF field or a bare limit.
      means: role ?? (own ? 'fields' : 'ratelimit'),
      group: `${groups['family']}|${own}`,
      name,
      unit,
      windowMs: lengthOf(own),
      counts: COUNTS.find(([pattern]) => pattern.test(own))?.[1],
    }
  }
  if (COST.test(header)) return { header, means: 'cost', group: header }
  if (!CREDIT.test(header)) return undefined
  const means = /(?:^|-)balance$/.test(header) ? 'credits-remaining' : role && CREDITS[role]
  return means && { header, means, group: header }
}
