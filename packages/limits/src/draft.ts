import type { Resolved } from './grammar.ts'
import type { Policy } from './ietf.ts'
import type { ConcurrencyLimit, Credits, LimitWindow } from '@aplomb/pipeline'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** A window while its headers are being collected. */
export type WindowDraft = Writable<LimitWindow>

/** Everything found so far, before it is put together. */
export interface Draft {
  /** The server's clock when it answered, and ours when we got it. Dates are measured against the first. */
  readonly now: number
  readonly receivedAt: number
  readonly windows: Map<string, { readonly group: string; readonly window: WindowDraft }>
  readonly policies: { group: string; source: string; policy: Policy }[]
  readonly labels: Map<string, string>
  /** Windows whose reset is a number without a unit. */
  readonly bare: Set<WindowDraft>
  readonly concurrency: Map<string, Writable<ConcurrencyLimit>>
  credits?: Writable<Credits> & { before?: number }
  wait?: { rank: number; ms: number; source: string; finer: boolean | undefined }
  /** `Retry-After` itself, in milliseconds. */
  plainWaitMs?: number
  reason?: { rank: number; text: string }
}

/** More windows than any API has. */
const MOST = 64

/** The window that a header speaks of: the one of its group, and of this position in its list. */
export const windowOf = (
  draft: Draft,
  { group, name, header, counts }: Resolved,
  key: string | number,
): WindowDraft => {
  const id = `${group}|${key}`
  const window: WindowDraft = draft.windows.get(id)?.window ?? { name, source: header }
  if (draft.windows.size < MOST) draft.windows.set(id, { group, window })
  window.unit ??= counts
  return window
}

/** Joins a policy to the window it describes: by name if it has one, else by its size. */
const applyPolicy = (draft: Draft, { group, source, policy }: Draft['policies'][number]): void => {
  const { name, pk, quota, windowMs, unit } = policy
  const id = `${group}|${name === undefined ? `w${windowMs}` : `~${name}`}|${pk ?? ''}`
  const found =
    name === undefined
      ? [...draft.windows.values()].find(
          (one) => one.group === group && one.window.limit === quota && one.window.windowMs === undefined,
        )
      : (draft.windows.get(id) ?? draft.windows.get(`${group}|~${name}|`))
  const joined = found?.window
  if (unit === 'concurrent-requests') {
    draft.concurrency.set(name ?? '', { name, limit: quota, remaining: joined?.remaining, source })
    draft.windows.delete(id)
    return
  }
  const window: WindowDraft = joined ?? { name, source }
  if (!joined && draft.windows.size < MOST) draft.windows.set(id, { group, window })
  window.limit ??= quota
  window.windowMs ??= windowMs
  window.unit ??= unit === 'requests' ? undefined : unit
}

const sameWindow = (a: WindowDraft, b: WindowDraft): boolean =>
  a.limit === b.limit &&
  a.remaining === b.remaining &&
  a.remaining !== undefined &&
  (a.name === b.name || a.name === undefined || b.name === undefined) &&
  (a.resetMs === b.resetMs || a.resetMs === undefined || b.resetMs === undefined) &&
  (a.windowMs === b.windowMs || a.windowMs === undefined || b.windowMs === undefined)

/** Below this many, a number is seconds whatever the window: a penalty may last longer than it. */
const LEAST_MILLISECONDS = 10_000

/** `22489` for the reset of a window of 30 seconds is in milliseconds. */
const rescale = (window: WindowDraft): void => {
  const { windowMs, resetMs } = window
  if (windowMs === undefined || resetMs === undefined) return
  const number = resetMs / 1000
  if (number >= LEAST_MILLISECONDS && number <= windowMs && resetMs > windowMs) window.resetMs = Math.ceil(number)
}

/** `x-rate-limit|second` and `ratelimit|` are of one family. */
const familyOf = (group: string): string => group.split('|')[0]!.replace(/^x-/, '').replaceAll('-', '')

/**
 * A reset under a name of its own (`x-ratelimit-reset` beside `x-ratelimit-second-remaining`) is that of the family's windows which
 * are used up; if none is, that of the shortest.
 */
const adoptResets = ({ windows }: Draft): void => {
  for (const [id, { group, window }] of windows) {
    const { limit, remaining, used, resetMs, windowMs } = window
    if (resetMs === undefined || remaining !== undefined || used !== undefined) continue
    const lacking = [...windows.values()]
      .filter((one) => one.window !== window && familyOf(one.group) === familyOf(group) && familyOf(group) !== '')
      .map((one) => one.window)
      .filter((one) => one.resetMs === undefined && one.remaining !== undefined)
      .toSorted((a, b) => (a.windowMs ?? Infinity) - (b.windowMs ?? Infinity))
    const empty = lacking.filter((one) => one.remaining === 0)
    const heirs = empty.length > 0 ? empty : lacking.slice(0, 1)
    for (const heir of heirs) {
      heir.resetMs = resetMs
      heir.windowMs ??= windowMs
    }
    if (heirs.length > 0 && limit === undefined) windows.delete(id)
  }
}

/** Puts the windows together: policies joined, gaps filled from what is known, duplicates and empty ones left out. */
export const finishWindows = (draft: Draft, served: boolean): LimitWindow[] => {
  for (const policy of draft.policies) applyPolicy(draft, policy)
  for (const window of draft.bare) rescale(window)
  adoptResets(draft)
  const kept: WindowDraft[] = []
  for (const { group, window } of draft.windows.values()) {
    const { limit, used } = window
    // -1 means unmetered, whatever the rest says; so does an allowance of nothing that was granted all the same.
    if (limit !== undefined && (limit < 0 || (limit === 0 && served))) continue
    if (limit === undefined && used !== undefined && window.remaining !== undefined)
      window.limit = used + window.remaining
    if (limit !== undefined && used !== undefined) window.remaining ??= Math.max(0, limit - used)
    if ([window.limit, window.remaining, window.used, window.resetMs].every((value) => value === undefined)) continue
    window.name = draft.labels.get(group) ?? window.name
    const twin = kept.find((other) => sameWindow(other, window))
    if (!twin) kept.push(window)
    else {
      twin.name ??= window.name
      twin.resetMs ??= window.resetMs
      twin.windowMs ??= window.windowMs
    }
  }
  return kept
}

/** The scope with the fewest free slots, with the number that follows from the other two filled in. */
export const finishConcurrency = (draft: Draft): ConcurrencyLimit | undefined => {
  const scopes = [...draft.concurrency.values()].map((scope) => {
    const { limit, active, remaining } = scope
    if (limit !== undefined && remaining !== undefined) scope.active ??= Math.max(0, limit - remaining)
    if (limit !== undefined && active !== undefined) scope.remaining ??= Math.max(0, limit - active)
    if (active !== undefined && remaining !== undefined) scope.limit ??= active + remaining
    return scope
  })
  return scopes.toSorted((a, b) => (a.remaining ?? Infinity) - (b.remaining ?? Infinity))[0]
}

/** The credits of a call; a window that counts credits fills the gaps. */
export const finishCredits = (draft: Draft, windows: readonly LimitWindow[]): Credits | undefined => {
  const window = windows.find(({ unit }) => unit === 'credits')
  if (!draft.credits && !window) return undefined
  const { before, ...credits } = draft.credits ?? { source: window!.source }
  // "Used" beside a limit is the sum so far, alone it is what this call took.
  if (credits.used !== undefined && credits.limit === undefined && credits.remaining === undefined) {
    credits.cost ??= credits.used
    delete credits.used
  }
  if (before !== undefined) credits.remaining ??= Math.max(0, before - (credits.cost ?? 0))
  if (credits.used !== undefined && credits.remaining !== undefined) credits.limit ??= credits.used + credits.remaining
  credits.remaining ??= window?.remaining
  credits.limit ??= window?.limit
  return credits
}
