import type { Verdict } from '@aplomb/classify'
import { calendarOf, type Calendar, type Period } from './period.ts'
import { limiterStore, type CreditStore, type Limiter } from './store.ts'

/** How many credits may be spent on a key in a period. */
export interface Budget {
  /** In credits, above 0. */
  readonly limit: number
  /** @default 'month' */
  readonly period?: Period | undefined
  /** IANA name of the zone in which days and months begin, such as `Europe/Vienna`. @default 'UTC' */
  readonly timeZone?: string | undefined
}

/** Somebody should look. All texts are redacted: an alert may go to a chat room as it is. */
export interface CreditAlert {
  /** `threshold`: that much of the budget is used. `billing`, `quota-exhausted`: the server says so. */
  readonly condition: 'threshold' | 'billing' | 'quota-exhausted'
  readonly message: string
  /** The key, unless it looks like a secret. */
  readonly key: string
  readonly endpoint: string
  /** The threshold that was reached, in percent. */
  readonly threshold?: number | undefined
  readonly spent: number
  readonly limit?: number | undefined
  readonly left?: number | undefined
  /** The server's answer, for `billing` and `quota-exhausted`. */
  readonly verdict?: Verdict | undefined
}

/**
 * What an answer cost; `undefined`: not known. A promise has ten minutes, then the attempt counts as the most that its
 * endpoint has cost so far. Clones made before the first `await` end when the cost is known or given up, when the caller
 * aborts, and after 16 MiB.
 */
export type Cost = (response: Response, request: Request) => number | undefined | Promise<number | undefined>

/** Options of {@link creditMeter}. */
export interface CreditMeterOptions {
  /** Credits per key and period; a bare number is for a calendar month in UTC. @default none: credits are only counted */
  readonly budget?: number | Budget | undefined
  /** Percentages of the budget at which to alert, once each per period. @default [80, 95, 100] */
  readonly thresholds?: readonly number[] | undefined
  /** What an answer costs if no header says so. To look into the body, read a clone. @default 0 */
  readonly cost?: number | Cost | undefined
  /** The percentage of the budget that no call may exceed: it is refused with a `BudgetExceededError`. @default none */
  readonly stopAt?: number | undefined
  /** Hears of thresholds and of refusals for want of money. */
  readonly onAlert?: ((alert: CreditAlert) => void) | undefined
  /** The row a request is counted in. @default the URL's path, with `:id` for what looks like one */
  readonly endpoint?: ((request: Request) => string) | undefined
  /** Where credits are counted: a store, or any limiter of `rate-limiter-flexible`. @default in this process, for this meter alone */
  readonly store?: CreditStore | Limiter | undefined
}

/** Options as the meter uses them. */
export interface Settings {
  readonly limit: number | undefined
  readonly calendar: Calendar
  readonly thresholds: readonly number[]
  readonly cost: Cost | number | undefined
  readonly stopAt: number | undefined
  /** Where others may count, too. Without one, credits are counted here alone. */
  readonly store: CreditStore | undefined
}

const check = (name: string, value: unknown, accepts: boolean, accepted: string): void => {
  if (accepts) return
  const shown =
    typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
  const text = `creditMeter: ${name} must be ${accepted}, got ${shown}`
  throw typeof value === 'number' || Array.isArray(value) ? new RangeError(text) : new TypeError(text)
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < Infinity

const calendarFor = ({ period = 'month', timeZone = 'UTC' }: Partial<Budget>): Calendar => {
  const isRolling = typeof period === 'object' && period !== null
  if (isRolling) check('budget.period.rollingMs', period.rollingMs, isPositive(period.rollingMs), 'a number above 0')
  else if (period !== 'day' && period !== 'month') {
    throw new RangeError(`creditMeter: budget.period must be 'day', 'month' or { rollingMs }, got '${String(period)}'`)
  }
  try {
    return calendarOf(period, timeZone)
  } catch {
    throw new RangeError(`creditMeter: budget.timeZone must be an IANA time zone, got '${timeZone}'`)
  }
}

/** @throws {RangeError | TypeError} if an option makes no sense. */
export const settingsOf = (options: CreditMeterOptions): Settings => {
  const { budget, thresholds = [80, 95, 100], cost, stopAt, onAlert, endpoint, store } = options
  const given: Partial<Budget> = typeof budget === 'number' ? { limit: budget } : (budget ?? {})
  check('budget', budget, typeof given === 'object' && budget !== null, 'a number or an object with a limit')
  const { limit } = given
  const name = typeof budget === 'number' ? 'budget' : 'budget.limit'
  check(name, limit, budget === undefined || isPositive(limit), 'a number of credits above 0')
  const areFine = Array.isArray(thresholds) && thresholds.every(isPositive)
  check('thresholds', thresholds, areFine, 'a list of percentages above 0')
  const isFixed = cost === undefined || cost === 0 || isPositive(cost)
  check('cost', cost, isFixed || typeof cost === 'function', 'a number from 0 or a function')
  check('stopAt', stopAt, stopAt === undefined || isPositive(stopAt), 'a percentage above 0')
  if (stopAt !== undefined && limit === undefined) throw new TypeError('creditMeter: stopAt needs a budget')
  for (const [what, value] of Object.entries({ onAlert, endpoint })) {
    check(what, value, value === undefined || typeof value === 'function', 'a function')
  }
  const isLimiter = typeof store === 'object' && store !== null && 'penalty' in store
  const isStore = typeof store === 'object' && store !== null && 'add' in store && 'get' in store
  // Not itself: what is taken for a store may be a connection string, with its password.
  check('store', typeof store, store === undefined || isLimiter || isStore, 'a CreditStore or a limiter')
  return {
    limit,
    calendar: calendarFor(given),
    thresholds: thresholds.toSorted((a, b) => a - b),
    cost,
    stopAt,
    store: isLimiter ? limiterStore(store) : store,
  }
}
