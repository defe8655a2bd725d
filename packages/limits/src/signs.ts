import type { Limits, LimitWindow, VerdictKind } from '@aplomb/pipeline'
import { DAY } from './units.ts'

/** What headers say of a refusal beyond its status. */
export interface HeaderSign {
  readonly kind: VerdictKind
  /** In a few words: "x-concurrent-threads-active 3 of 3". */
  readonly sign: string
}

/** Windows that are used up. */
export const exhausted = ({ windows }: Pick<Limits, 'windows'>): readonly LimitWindow[] =>
  windows.filter(({ remaining }) => remaining === 0)

/** A window that only a new day or month opens again. */
export const isAllowance = ({ windowMs, resetMs }: LimitWindow): boolean =>
  windowMs === undefined ? (resetMs ?? 0) > DAY : windowMs >= DAY

/** As many in flight as there may be. */
export const atCeiling = ({ concurrency }: Limits, status: number): HeaderSign | undefined => {
  if (!concurrency || (status !== 429 && status !== 503)) return undefined
  const { active, limit, remaining, source } = concurrency
  const full = remaining === 0 || (active !== undefined && limit !== undefined && active >= limit)
  if (!full) return undefined
  const sign =
    limit === undefined
      ? `${source} ${remaining ?? active}`
      : `${source} ${active ?? limit - (remaining ?? 0)} of ${limit}`
  return { kind: 'concurrency-limited', sign }
}

/** Okta re-uses its window headers while too many are in flight: a limit of nothing. */
export const zeroLimit = ({ windows }: Limits, status: number): HeaderSign | undefined => {
  const none = status === 429 ? windows.find(({ limit }) => limit === 0) : undefined
  return none && { kind: 'concurrency-limited', sign: `${none.source}: a limit of 0` }
}

const describe = ({ source, name, limit }: LimitWindow): string =>
  `${source} 0${limit === undefined ? '' : ` of ${limit}`}${name === undefined ? '' : ` (${name})`}`

/** A window that is used up; or the allowance of a day or a month, where nothing shorter is. */
export const emptyWindow = (limits: Limits, status: number): HeaderSign | undefined => {
  const empty = exhausted(limits)
  const [tightest] = empty
  if (!tightest || (status !== 429 && status !== 403)) return undefined
  return { kind: empty.every(isAllowance) ? 'quota-exhausted' : 'rate-limited', sign: describe(tightest) }
}

/** What windows that are used up ask for; without a count, a reset stands for itself. */
export const windowWait = (windows: readonly LimitWindow[]): number | undefined => {
  const uncounted = windows.every(({ remaining }) => remaining === undefined)
  const resets = (uncounted ? windows : exhausted({ windows }))
    .map(({ resetMs }) => resetMs)
    .filter((ms) => ms !== undefined)
  return resets.length > 0 ? Math.max(...resets) : undefined
}
