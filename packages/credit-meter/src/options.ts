import {
  callback,
  either,
  having,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  required,
  shape,
  string,
  type Verdict,
} from '@aplomb/pipeline'
import { MAX_CREDITS } from './cost.ts'
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
  /** Percentages of the budget at which to alert, from 1 on, once each per period. @default [80, 95, 100] */
  readonly thresholds?: readonly number[] | undefined
  /** What an answer costs if no header says so. To look into the body, read a clone. @default 0 */
  readonly cost?: number | Cost | undefined
  /** The percentage of the budget, from 1 on, that no call may exceed: it is refused with a `BudgetExceededError`. @default none */
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

const limit = number({ above: 0, below: Infinity }, 'credits')

/** Below 1, a share was meant. */
const percentage = number({ from: 1, below: Infinity }, undefined, 'a percentage of the budget (80 is 80 %)')

const isTimeZone = (timeZone: string): boolean => {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone }))
  } catch {
    return false
  }
}

const budget: Kind = either(
  limit,
  shape<Budget>({
    limit: required(limit),
    period: either(
      oneOf('day', 'month'),
      shape<Exclude<Period, string>>({ rollingMs: required(milliseconds({ above: 0, below: Infinity })) }),
    ),
    timeZone: { ...string('an IANA time zone', isTimeZone), named: true },
  }),
)

/** What each option takes. */
export const creditMeterOptions: KindsOf<CreditMeterOptions> = {
  budget,
  thresholds: list(percentage, 'a list of percentages'),
  cost: either(number({ from: 0, to: MAX_CREDITS }, 'credits'), callback),
  stopAt: percentage,
  onAlert: callback,
  endpoint: callback,
  store: either(having('a CreditStore', 'add', 'get'), having('a limiter of rate-limiter-flexible', 'penalty', 'get')),
}

const isLimiter = (store: CreditStore | Limiter): store is Limiter => 'penalty' in store

/** @throws {TypeError} if `stopAt` is given without a budget. */
export const settingsOf = (options: CreditMeterOptions): Settings => {
  const { budget: given, thresholds = [80, 95, 100], cost, stopAt, store } = options
  if (stopAt !== undefined && given === undefined) throw new TypeError('creditMeter: stopAt needs a budget')
  const whole = typeof given === 'object' ? given : undefined
  return {
    limit: typeof given === 'object' ? given.limit : given,
    calendar: calendarOf(whole?.period ?? 'month', whole?.timeZone ?? 'UTC'),
    thresholds: thresholds.toSorted((a, b) => a - b),
    cost,
    stopAt,
    store: store && isLimiter(store) ? limiterStore(store) : store,
  }
}
