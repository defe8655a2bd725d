import { describe, expect, test, vi } from 'vitest'
import { keyed } from '../src/index.ts'

interface State {
  readonly key: string
  busy: boolean
}
const create = (key: string): State => ({ key, busy: false })
const idle = (state: State): boolean => !state.busy

describe('keyed', { timeout: 30_000 }, () => {
  test('makes a state when it is first asked for, and gives the same from then on', () => {
    const make = vi.fn<(key: string) => State>(create)
    const states = keyed(make, idle)
    const a = states('a')
    const b = states('b')
    expect([states('a'), states('b'), states('b')]).toEqual([a, b, b])
    expect(states('a')).toBe(a)
    expect(make.mock.calls).toEqual([['a'], ['b']])
  })
  test('peek makes none', () => {
    const states = keyed(create, idle)
    expect(states.peek('a')).toBeUndefined()
    const a = states('a')
    expect(states.peek('a')).toBe(a)
    expect([...states.entries()]).toEqual([['a', a]])
  })
  test('two share nothing', () => {
    const one = keyed(create, idle)
    const two = keyed(create, idle)
    expect(one('a')).not.toBe(two('a'))
  })
  test('names of inherited members are keys like any other', () => {
    const states = keyed(create, idle)
    for (const key of ['__proto__', 'constructor', 'toString', '']) expect(states(key).key).toBe(key)
    expect([...states.entries()]).toHaveLength(4)
  })
  test('a value that is undefined or false is a state like any other', () => {
    const make = vi.fn<() => boolean>(() => false)
    const states = keyed(make, () => true)
    expect([states('a'), states('b'), states('a')]).toEqual([false, false, false])
    expect(make).toHaveBeenCalledTimes(2)
  })
  test('beyond `keep` the longest unused one is dropped', () => {
    const states = keyed(create, idle, 3)
    for (const key of ['a', 'b', 'c']) states(key)
    states('a')
    states('d')
    expect([...states.entries()].map(([key]) => key).toSorted()).toEqual(['a', 'c', 'd'])
  })
  test('one that is used again and again is not the longest unused', () => {
    const states = keyed(create, idle, 3)
    const hot = states('hot')
    for (let i = 0; i < 100; i++) {
      states(`cold ${i}`)
      expect(states('hot')).toBe(hot)
      expect(states('hot')).toBe(hot)
    }
    expect([...states.entries()]).toHaveLength(3)
  })
  test('one that is in use is never dropped', () => {
    const states = keyed(create, idle, 3)
    const busy = Array.from({ length: 20 }, (_, i) => {
      const state = states(`busy ${i}`)
      state.busy = true
      return state
    })
    for (let i = 0; i < 1000; i++) states(`cold ${i}`)
    for (const state of busy) expect(states.peek(state.key)).toBe(state)
    // Those in use, and a few of the others.
    expect([...states.entries()].length).toBeLessThanOrEqual(20 + 3)
  })
  test('when those in use are done with, the backlog shrinks', () => {
    const states = keyed(create, idle, 10)
    const busy = Array.from({ length: 500 }, (_, i) => states(`busy ${i}`))
    // The first of them were dropped while they were idle.
    const kept = busy.map((state) => Object.assign(states(state.key), { busy: true }))
    expect([...states.entries()].length).toBeGreaterThanOrEqual(kept.length)
    for (const [, state] of states.entries()) state.busy = false
    for (let i = 0; i < 500; i++) states(`cold ${i}`)
    expect([...states.entries()]).toHaveLength(10)
  })
  test('the one just made is not dropped, whatever `keep` is', () => {
    for (const keep of [0, 1]) {
      const states = keyed(create, idle, keep)
      const a = states('a')
      expect(states.peek('a')).toBe(a)
      const b = states('b')
      expect(states.peek('b')).toBe(b)
      expect([...states.entries()]).toEqual([['b', b]])
    }
  })
  test('a key that was dropped gets a new state', () => {
    const states = keyed(create, idle, 1)
    const first = states('a')
    states('b')
    expect(states('a')).not.toBe(first)
  })
  test('a state that could not be made is tried again', () => {
    let fails = true
    const states = keyed((key) => {
      if (fails) throw new RangeError(key)
      return create(key)
    }, idle)
    expect(() => states('a')).toThrow(RangeError)
    expect(() => states('a')).toThrow(RangeError)
    fails = false
    expect(states('a')).toEqual({ key: 'a', busy: false })
  })
  test('a million keys leave a thousand, and some of them in use cost little', () => {
    let asked = 0
    const states = keyed(create, (state) => {
      asked++
      return !state.busy
    })
    for (let i = 0; i < 500; i++) states(`busy ${i}`).busy = true
    let most = 0
    for (let i = 0; i < 1_000_000; i++) {
      states(`https://host-${i}.example`)
      if (i % 1000 === 0) most = Math.max(most, [...states.entries()].length)
    }
    expect(most).toBeLessThanOrEqual(1000 + 500)
    expect([...states.entries()].length).toBeLessThanOrEqual(1000 + 500)
    for (let i = 0; i < 500; i++) expect(states.peek(`busy ${i}`)?.busy).toBe(true)
    // Bounded work for each new key.
    expect(asked).toBeLessThanOrEqual(8 * 1_000_000)
  })
})
