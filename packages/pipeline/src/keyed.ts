/** State per key, made when first asked for. */
export interface Keyed<T> {
  /** The key's state; a new one if the key is unknown or was dropped. */
  (key: string): T
  /** The key's state, if there is one. */
  peek(key: string): T | undefined
  entries(): IterableIterator<[string, T]>
}

/** What would be lost with a state: something that is going on, something that was learned and still counts, or nothing. */
export type Standing = 'in use' | 'informed' | 'idle'

/** How many states {@link keyed} keeps. */
export interface KeyedOptions<T> {
  /** How many are kept whatever their standing. @default 1000 */
  readonly keep?: number | undefined
  /** How many informed ones are kept beyond. @default 1000 */
  readonly keepInformed?: number | undefined
  /** Hears of each that is dropped. */
  readonly dropped?: ((key: string, state: T) => void) | undefined
}

/** Enough for any one program's APIs; small enough that a crawler over a million origins stays in a few megabytes. */
const KEEP = 1000
const KEEP_INFORMED = 1000

/** How many states are looked at for each new one: more than one, so that a backlog shrinks. */
const LOOKS = 8

/**
 * Keeps one state per key. Beyond `keep` keys the longest unused ones are dropped as soon as they are idle, beyond
 * `keepInformed` more although they are informed: so memory stays bounded however many keys come by. A state that is in use
 * is never dropped.
 */
export const keyed = <T>(
  create: (key: string) => T,
  standingOf: (state: T) => Standing,
  { keep = KEEP, keepInformed = KEEP_INFORMED, dropped }: KeyedOptions<T> = {},
): Keyed<T> => {
  /** By last use. */
  const recent = new Map<string, T>()
  /** Informed ones, by last use: all of them before those. */
  const informed = new Map<string, T>()
  let scan = informed.entries()
  let newest: string | undefined

  /** Finds its place for one that was not used for long; `full` if there is none for an informed one. */
  const review = (from: Map<string, T>, key: string, state: T, full: boolean): void => {
    const standing = standingOf(state)
    if (standing === 'informed' && !full && from === informed) return
    from.delete(key)
    if (standing === 'in use') recent.set(key, state)
    else if (standing === 'informed' && !full) informed.set(key, state)
    else dropped?.(key, state)
  }

  const shrinkRecent = (): void => {
    let looks = LOOKS
    for (const [key, state] of recent) {
      if (recent.size <= keep || key === newest || looks-- === 0) return
      review(recent, key, state, false)
    }
  }

  /** What they know may not count any more: some are looked at each time, in turn. */
  const shrinkInformed = (): void => {
    for (let looks = LOOKS; looks > 0 && informed.size > 0; looks--) {
      const next = scan.next()
      if (next.done) scan = informed.entries()
      else review(informed, ...next.value, false)
    }
    for (const [key, state] of informed) {
      if (informed.size <= keepInformed) return
      review(informed, key, state, true)
    }
  }

  const get = (key: string): T => {
    const known = recent.get(key)
    if (key === newest) return known as T
    const state = known ?? informed.get(key) ?? create(key)
    newest = key
    recent.delete(key)
    recent.set(key, state)
    if (known === undefined) {
      informed.delete(key)
      shrinkRecent()
      shrinkInformed()
    }
    return state
  }

  const entries = function* (): IterableIterator<[string, T]> {
    yield* informed
    yield* recent
  }
  return Object.assign(get, { peek: (key: string) => recent.get(key) ?? informed.get(key), entries })
}
