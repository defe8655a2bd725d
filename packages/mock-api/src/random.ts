/** Gives the next number in [0, 1). */
export type Random = () => number

/**
 * A generator of its own for every purpose, so that drawing for one never shifts another:
 * `randomFrom(seed, 'latency', 7)` gives the same numbers whatever else was drawn.
 *
 * FNV-1a (Fowler, Noll, Vo) folds the parts into a state, mulberry32 (Tommy Ettinger, public domain) draws from it.
 */
export const randomFrom = (...parts: readonly (string | number)[]): Random => {
  let state = hash(parts.join('/'))
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** FNV-1a, 32 bits, over UTF-16 code units or bytes. */
export const hash = (data: string | Uint8Array): number => {
  let state = 0x811c9dc5
  for (let i = 0; i < data.length; i++) {
    const unit = typeof data === 'string' ? data.charCodeAt(i) : (data[i] ?? 0)
    state = Math.imul(state ^ unit, 0x01000193)
  }
  return state >>> 0
}

/** One of the items, each as likely as the others. */
export const pick = <T>(random: Random, items: readonly [T, ...T[]]): T =>
  items[Math.floor(random() * items.length)] ?? items[0]
