/** After how long a budget is whole again: a calendar day or month in a time zone, or always the last so many milliseconds. */
export type Period = 'day' | 'month' | { readonly rollingMs: number }

/** A stretch of time with one counter. A calendar period is a single one, a rolling window is made of many. */
export interface Slot {
  readonly id: string
  readonly startsAt: number
  readonly endsAt: number
  /** Until when what was spent in it counts. */
  readonly countsUntil: number
}

/** A period, cut into slots. */
export interface Calendar {
  /** The slot that `now` falls into. */
  slot(now: number): Slot
  /** The slots before it that still count. */
  earlier(now: number): readonly Slot[]
  /** When the period began, and when at the latest the budget is whole again if nothing more is spent. */
  bounds(now: number): { readonly startsAt: number; readonly endsAt: number }
  /** How long a period is, in milliseconds. */
  lengthMs(now: number): number
  /** The length of a rolling window: spent credits come back one by one, and not all at once. */
  readonly rollingMs: number | undefined
}

/** So many counters make a rolling window: spending is forgotten at most 1/60 of the window late. */
const SLOTS = 60

const DAY_MS = 86_400_000

const rolling = (rollingMs: number): Calendar => {
  const widthMs = Math.max(1, rollingMs / SLOTS)
  const slotAt = (index: number): Slot => {
    const endsAt = (index + 1) * widthMs
    return { id: `${rollingMs}ms:${index}`, startsAt: index * widthMs, endsAt, countsUntil: endsAt + rollingMs }
  }
  return {
    rollingMs,
    lengthMs: () => rollingMs,
    slot: (now) => slotAt(Math.floor(now / widthMs)),
    earlier: (now) => {
      const first = Math.floor((now - rollingMs) / widthMs)
      return Array.from({ length: Math.floor(now / widthMs) - first }, (_, i) => slotAt(first + i))
    },
    bounds: (now) => ({ startsAt: now - rollingMs, endsAt: now + rollingMs }),
  }
}

/** The calendar day, in a time zone, of an instant; as the instant when that day begins in UTC. */
const dayIn = (timeZone: string): ((at: number) => number) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  })
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    return Date.UTC(part['year'] as number, (part['month'] as number) - 1, part['day'])
  }
}

/**
 * The first instant of a calendar day. Found by bisection over the local date, so that no shift of the clocks can
 * mislead it: not one at midnight, nor a day that a country skipped.
 */
const beginOf = (day: number, dayOf: (at: number) => number): number => {
  let before = day - 1.5 * DAY_MS
  let within = day + 1.5 * DAY_MS
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2)
    if (dayOf(middle) < day) before = middle
    else within = middle
  }
  return within
}

const calendar = (period: 'day' | 'month', timeZone: string): Calendar => {
  const dayOf = dayIn(timeZone)
  let current: Slot | undefined
  const slot = (now: number): Slot => {
    if (current && now >= current.startsAt && now < current.endsAt) return current
    const day = new Date(dayOf(now))
    const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()]
    const first = period === 'day' ? day.getTime() : Date.UTC(year, month)
    const next = period === 'day' ? first + DAY_MS : Date.UTC(year, month + 1)
    const id = day.toISOString().slice(0, period === 'day' ? 10 : 7)
    const endsAt = beginOf(next, dayOf)
    current = { id, startsAt: beginOf(first, dayOf), endsAt, countsUntil: endsAt }
    return current
  }
  const lengthMs = (now: number): number => slot(now).endsAt - slot(now).startsAt
  return { slot, earlier: () => [], bounds: slot, lengthMs, rollingMs: undefined }
}

/** @throws {RangeError} if the time zone is unknown. */
export const calendarOf = (period: Period, timeZone: string): Calendar =>
  typeof period === 'object' ? rolling(period.rollingMs) : calendar(period, timeZone)
