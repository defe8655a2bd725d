import type { Account } from './account.ts'
import type { BurnRate } from './burn.ts'
import type { Settings } from './options.ts'
import { tidy } from './store.ts'

/** What was spent on an endpoint in this period. */
export interface EndpointUsage {
  readonly endpoint: string
  readonly spent: number
  /** Attempts that this process made. */
  readonly attempts: number
}

/** What was spent on a key in this period, and how that will go on. */
export interface KeyUsage {
  readonly spent: number
  /** Attempts that this process made. */
  readonly attempts: number
  /** The budget's, or else what a header says. */
  readonly limit?: number | undefined
  /** Of the budget or of the server's balance, whichever is less. */
  readonly left?: number | undefined
  /** What calls in flight are expected to cost. */
  readonly reserved: number
  readonly burnRate: BurnRate
  /** When it will run out at this rate. Not given if it will not in this period. */
  readonly runsOutAt?: Date | undefined
  readonly period: { readonly startsAt: Date; readonly endsAt: Date }
  /** The dearest first. */
  readonly endpoints: readonly EndpointUsage[]
}

/** The usage of one key; or of all keys, added up, and of each. */
export interface Usage extends KeyUsage {
  readonly keys: Readonly<Record<string, KeyUsage>>
}

const HOUR_MS = 3_600_000

const forecast = (account: Account, { calendar }: Settings, now: number): Date | undefined => {
  const left = account.left(now)
  const perMs = account.burn.rate(now).perHour / HOUR_MS
  if (left === undefined) return undefined
  const at = left === 0 ? now : now + left / perMs
  const balance = account.balance()
  // A balance does not come back with the period.
  if (balance === undefined || balance > left) {
    const { rollingMs } = calendar
    const lasts =
      rollingMs === undefined ? at >= calendar.bounds(now).endsAt : perMs * rollingMs <= (account.limit() ?? 0)
    if (lasts && left > 0) return undefined
  }
  return at < 8.64e15 ? new Date(at) : undefined
}

/** The usage of one key. */
export const usageOf = (account: Account, settings: Settings, now: number): KeyUsage => {
  const { startsAt, endsAt } = settings.calendar.bounds(now)
  const endpoints = Array.from(account.rows.values(), ({ name, tally }) => ({
    endpoint: name,
    spent: tally.spent(now),
    attempts: tally.attempts(now),
  }))
  return {
    spent: account.tally.spent(now),
    attempts: account.tally.attempts(now),
    limit: account.limit(),
    left: account.left(now),
    reserved: account.reserved(),
    burnRate: account.burn.rate(now),
    runsOutAt: forecast(account, settings, now),
    period: { startsAt: new Date(startsAt), endsAt: new Date(endsAt) },
    endpoints: endpoints.filter((one) => one.spent > 0 || one.attempts > 0).toSorted((a, b) => b.spent - a.spent),
  }
}

const add = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : tidy(a + b)

const earliest = (a: Date | undefined, b: Date | undefined): Date | undefined => (a && b ? (a < b ? a : b) : (a ?? b))

const merge = (endpoints: readonly EndpointUsage[]): readonly EndpointUsage[] => {
  const rows = new Map<string, EndpointUsage>()
  for (const { endpoint, spent, attempts } of endpoints) {
    const known = rows.get(endpoint)
    rows.set(endpoint, {
      endpoint,
      spent: tidy(spent + (known?.spent ?? 0)),
      attempts: attempts + (known?.attempts ?? 0),
    })
  }
  return [...rows.values()].toSorted((a, b) => b.spent - a.spent)
}

const plus = (a: KeyUsage, b: KeyUsage): KeyUsage => ({
  spent: tidy(a.spent + b.spent),
  attempts: a.attempts + b.attempts,
  limit: add(a.limit, b.limit),
  left: add(a.left, b.left),
  reserved: tidy(a.reserved + b.reserved),
  burnRate: {
    perHour: a.burnRate.perHour + b.burnRate.perHour,
    overMs: Math.max(a.burnRate.overMs, b.burnRate.overMs),
  },
  runsOutAt: earliest(a.runsOutAt, b.runsOutAt),
  period: a.period,
  endpoints: [],
})

/** The usage of several keys as one, with `more` that has no name, or that of `none`. */
export const totalOf = (
  keys: readonly (readonly [string, KeyUsage])[],
  more: readonly KeyUsage[],
  none: () => KeyUsage,
): Usage => {
  const all = [...keys.map(([, usage]) => usage), ...more]
  const total = all.length > 0 ? all.reduce(plus) : none()
  return { ...total, endpoints: merge(all.flatMap(({ endpoints }) => endpoints)), keys: Object.fromEntries(keys) }
}
