/** State per key, made when first asked for. */
export interface Keyed<T> {
  /** The key's state; a new one if the key is unknown or was evicted. */
  (key: string): T
  /** The key's state, if there is one. */
  peek(key: string): T | undefined
  entries(): IterableIterator<[string, T]>
}

/** Enough for any one program's APIs; small enough that a crawler over a million origins stays in a few megabytes. */
const KEEP = 1000

/** How many of the longest unused keys are looked at for each new one: more than one, so that a backlog shrinks. */
const LOOKS = 8

/**
 * Keeps one state per key. Beyond `keep` keys the longest unused ones that are idle are dropped, so that memory stays
 * bounded however many keys come by; a state that is in use is never dropped.
 */
export const keyed = <T>(create: (key: string) => T, isIdle: (state: T) => boolean, keep: number = KEEP): Keyed<T> => {
  const states = new Map<string, T>()
  let newest: string | undefined

  const toBack = (key: string, state: T): void => {
    states.delete(key)
    states.set(key, state)
  }

  const evict = (): void => {
    let looks = LOOKS
    for (const [key, state] of states) {
      if (states.size <= keep || key === newest || looks-- === 0) return
      if (isIdle(state)) states.delete(key)
      else toBack(key, state)
    }
  }

  const get = (key: string): T => {
    let state = states.get(key)
    if (key === newest) return state as T
    if (state !== undefined) {
      newest = key
      toBack(key, state)
      return state
    }
    state = create(key)
    states.set(key, state)
    newest = key
    evict()
    return state
  }

  return Object.assign(get, { peek: (key: string) => states.get(key), entries: () => states.entries() })
}
