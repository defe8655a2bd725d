import { isRecord, parseJson } from './json.ts'
import { parseNumber } from './values.ts'

/** One value of a header that may hold several: a number, perhaps with the length of its window. */
export interface Entry {
  readonly value: number
  readonly windowMs?: number | undefined
  /** Joins the entries of two headers where their order does not: `:120`. */
  readonly key?: string | undefined
}

/** No real API reports more windows at once; the rest of a longer list is not looked at. */
const MOST = 32

const PER: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Splits at commas outside double quotes. */
export const splitList = (text: string): readonly string[] =>
  (text.slice(0, 4096).match(/(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g) ?? []).slice(0, MOST)

const entry = (text: string): Entry | undefined => {
  const [head = '', ...params] = text.split(';')
  const [count = '', seconds] = head.split(':')
  const rate = /^\s*(\d{1,15}(?:\.\d+)?)\s*(?:\/|per)\s*(\d{0,4})\s*(sec|min|hour|day|s|m|h|d)[a-z]*\s*$/i.exec(head)
  if (rate) return { value: Number(rate[1]), windowMs: (Number(rate[2]) || 1) * PER[rate[3]!.charAt(0).toLowerCase()]! }
  const value = parseNumber(count)
  if (value === undefined) return undefined
  const window = params
    .map((param) => /^\s*w(?:indow)?\s*=\s*(\d{1,10})\s*$/.exec(param)?.[1])
    .find((w) => w !== undefined)
  const length = parseNumber(window ?? seconds ?? '')
  return {
    value,
    windowMs: length ? length * 1000 : undefined,
    key: seconds === undefined ? undefined : `:${seconds.trim()}`,
  }
}

/**
 * Reads a number or a list of them, one for each window: `5000`, `1, 15000`, `100:120,20:1` (count:seconds),
 * `10;w=1, 50;w=60`, `100 per minute`, `150/15m`. One entry that makes no sense spoils the list.
 */
export const readEntries = (text: string): readonly Entry[] => {
  const entries = splitList(text).map(entry)
  return entries.every((one) => one !== undefined) ? entries : []
}

/** Reads `used/limit` pairs, each perhaps behind a key: `32/40`, `api-usage=18/5000; per-app-api-usage=17/250`. */
export const readPairs = (text: string): readonly { key?: string | undefined; used: number; limit: number }[] =>
  [...text.slice(0, 4096).matchAll(/(?:([\w-]{1,50})=)?\b(\d{1,15})\/(\d{1,15})\b/g)]
    .slice(0, MOST)
    .map(([, key, used, limit]) => ({ key, used: Number(used), limit: Number(limit) }))

/** Reads `total=100; remaining=99; resets=41` into numbers by lower-case key. */
export const readFields = (text: string): ReadonlyMap<string, number> =>
  new Map(
    [...text.slice(0, 4096).matchAll(/\b([a-z]{1,20})\s*[=:]\s*(\d{1,15}(?:\.\d{1,10})?)\b/gi)]
      .slice(0, MOST)
      .map(([, key = '', value]) => [key.toLowerCase(), Number(value)]),
  )

/** A window that one value spells out. */
export interface Spelled {
  readonly name?: string | undefined
  readonly limit?: number | undefined
  readonly remaining?: number | undefined
  /** A number, a duration or a date. */
  readonly reset?: string | undefined
  readonly seconds?: number | undefined
}

/** Reads Basecamp's `{"name":"API","period":10,"limit":50,"remaining":0,"until":"..."}`. */
const spelledIn = (text: string): Spelled | undefined => {
  const json = parseJson(text)
  if (!isRecord(json)) return undefined
  const member = (...keys: string[]): unknown =>
    Object.entries(json).find(([key]) => keys.includes(key.toLowerCase().replaceAll(/[_-]/g, '')))?.[1]
  const number = (value: unknown): number | undefined => parseNumber(String(value))
  const [name, reset] = [member('name'), member('until', 'reset', 'resetat', 'resetsat', 'resetin')]
  return {
    name: typeof name === 'string' ? name : undefined,
    limit: number(member('limit', 'max', 'total')),
    remaining: number(member('remaining', 'left')),
    reset: typeof reset === 'string' || typeof reset === 'number' ? String(reset) : undefined,
    seconds: number(member('period', 'window')),
  }
}

/** Reads JSON, and Eventbrite's `token:ABC 2000/2000 reset=28s, key:DEF 1500/2000 reset=28s`: used and limit. */
export const readSpelled = (text: string): readonly Spelled[] => {
  if (text.startsWith('{')) return [spelledIn(text)].filter((one) => one !== undefined)
  return splitList(text).flatMap((one): Spelled[] => {
    const { name, used, limit, reset } =
      /^\s*(?<name>\w{1,40})\b.*\b(?<used>\d{1,15})\/(?<limit>\d{1,15})\b.*\breset\s?[=:]\s?(?<reset>\S+)/.exec(one)
        ?.groups ?? {}
    return limit === undefined
      ? []
      : [{ name, limit: Number(limit), remaining: Math.max(0, Number(limit) - Number(used)), reset }]
  })
}

/** One usage object of Meta's headers: percent of an hour's allowance, and minutes until calls are let through again. */
export interface Percentages {
  readonly name?: string | undefined
  readonly percent: number
  readonly regainMinutes?: number | undefined
}

/** Reads Meta's `{"<id>":[{"type":"ads","call_count":28,...}]}` and `{"call_count":28,...}`. */
export const readPercentages = (text: string): readonly Percentages[] => {
  const parsed = parseJson(text)
  if (!isRecord(parsed)) return []
  const objects = [parsed, ...Object.values(parsed).slice(0, MOST).flat().slice(0, MOST)]
  return objects.filter(isRecord).flatMap((usage): Percentages[] => {
    const shares = [usage['call_count'], usage['total_cputime'], usage['total_time'], usage['acc_id_util_pct']]
    const percents = shares.filter((share) => typeof share === 'number' && share >= 0 && share <= 1e6)
    if (percents.length === 0) return []
    const { type, estimated_time_to_regain_access: regain } = usage
    return [
      {
        name: typeof type === 'string' ? type : undefined,
        percent: Math.max(...(percents as number[])),
        regainMinutes: typeof regain === 'number' && regain > 0 ? regain : undefined,
      },
    ]
  })
}
