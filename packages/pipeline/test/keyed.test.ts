import { describe, expect, test, vi } from 'vitest'
import { keyed, type Keyed, type Standing } from '../src/index.ts'

interface State {
  readonly key: string
  busy: boolean
  knows: boolean
}
const create = (key: string): State => ({ key, busy: false, knows: false })
const standing = ({ busy, knows }: State): Standing => (busy ? 'in use' : knows ? 'informed' : 'idle')

describe('keyed', { timeout: 30_000 }, () => {
  test('makes a state when it is first asked for, and gives the same from then on', () => {
    const make = vi.fn<(key: string) => State>(create)
    const states = keyed(make, standing)
    const a = states('a')
    const b = states('b')
    expect([states('a'), states('b'), states('b')]).toEqual([a, b, b])
    expect(states('a')).toBe(a)
    expect(make.mock.calls).toEqual([['a'], ['b']])
  })
  test('peek makes none', () => {
    const states = keyed(create, standing)
    expect(states.peek('a')).toBeUndefined()
    const a = states('a')
    expect(states.peek('a')).toBe(a)
    expect([...states.entries()]).toEqual([['a', a]])
  })
  test('two share nothing', () => {
    const one = keyed(create, standing)
    const two = keyed(create, standing)
    expect(one('a')).not.toBe(two('a'))
  })
  test('names of inherited members are keys like any other', () => {
    const states = keyed(create, standing)
    for (const key of ['__proto__', 'constructor', 'toString', '']) expect(states(key).key).toBe(key)
    expect([...states.entries()]).toHaveLength(4)
  })
  test('a value that is undefined or false is a state like any other', () => {
    const make = vi.fn<() => boolean>(() => false)
    const states = keyed(make, () => 'idle')
    expect([states('a'), states('b'), states('a')]).toEqual([false, false, false])
    expect(make).toHaveBeenCalledTimes(2)
  })
  test('beyond `keep` the longest unused one is dropped', () => {
    const states = keyed(create, standing, { keep: 3 })
    for (const key of ['a', 'b', 'c']) states(key)
    states('a')
    states('d')
    expect([...states.entries()].map(([key]) => key).toSorted()).toEqual(['a', 'c', 'd'])
  })
  test('one that is used again and again is not the longest unused', () => {
    const states = keyed(create, standing, { keep: 3 })
    const hot = states('hot')
    for (let i = 0; i < 100; i++) {
      states(`cold ${i}`)
      expect(states('hot')).toBe(hot)
      expect(states('hot')).toBe(hot)
    }
    expect([...states.entries()]).toHaveLength(3)
  })
  test('one that is in use is never dropped', () => {
    const states = keyed(create, standing, { keep: 3 })
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
    const states = keyed(create, standing, { keep: 10 })
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
      const states = keyed(create, standing, { keep })
      const a = states('a')
      expect(states.peek('a')).toBe(a)
      const b = states('b')
      expect(states.peek('b')).toBe(b)
      expect([...states.entries()]).toEqual([['b', b]])
    }
  })
  test('a key that was dropped gets a new state', () => {
    const states = keyed(create, standing, { keep: 1 })
    const first = states('a')
    states('b')
    expect(states('a')).not.toBe(first)
  })
  test('a state that could not be made is tried again', () => {
    let fails = true
    const states = keyed((key) => {
      if (fails) throw new RangeError(key)
      return create(key)
    }, standing)
    expect(() => states('a')).toThrow(RangeError)
    expect(() => states('a')).toThrow(RangeError)
    fails = false
    expect(states('a')).toEqual(create('a'))
  })
  test('a million keys leave a thousand, and some of them in use cost little', () => {
    let asked = 0
    const states = keyed(create, (state) => {
      asked++
      return standing(state)
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

  const sizeOf = (states: Keyed<State>): number => [...states.entries()].length
  const informedOf = (states: Keyed<State>): string[] =>
    Array.from(states.entries(), ([key]) => key).filter((key) => key.startsWith('knows'))
  const learn = (states: Keyed<State>, ...keys: readonly string[]): void => {
    for (const key of keys) states(key).knows = true
  }

  test('informed ones are kept for longer than idle ones', () => {
    const states = keyed(create, standing, { keep: 2, keepInformed: 3 })
    learn(states, 'knows a', 'knows b', 'knows c')
    const [a, c] = [states.peek('knows a'), states.peek('knows c')]
    for (let i = 0; i < 100; i++) states(`cold ${i}`)
    expect(informedOf(states).toSorted()).toEqual(['knows a', 'knows b', 'knows c'])
    expect(sizeOf(states)).toBe(5)
    expect([states('knows a'), states('knows c')]).toEqual([a, c])
    expect(states('knows a')).toBe(a)
  })
  test('but no more than keepInformed of them, those that were used last', () => {
    const states = keyed(create, standing, { keep: 2, keepInformed: 3 })
    const names = Array.from({ length: 100 }, (_, i) => `knows ${i}`)
    learn(states, ...names)
    states('knows 96')
    for (let i = 0; i < 100; i++) states(`cold ${i}`)
    expect(informedOf(states).toSorted()).toEqual(['knows 96', 'knows 98', 'knows 99'])
  })
  test('once what they know does not count any more, they are dropped', () => {
    const states = keyed(create, standing, { keep: 10, keepInformed: 1000 })
    const names = Array.from({ length: 1000 }, (_, i) => `knows ${i}`)
    learn(states, ...names)
    for (let i = 0; i < 100; i++) states(`cold ${i}`)
    expect(informedOf(states)).toHaveLength(1000)
    for (const [, state] of states.entries()) if (state.key !== 'knows 7') state.knows = false
    for (let i = 0; i < 1000; i++) states(`colder ${i}`)
    expect(informedOf(states)).toEqual(['knows 7'])
  })
  test('one that is in use is not dropped, however many informed ones there are', () => {
    const states = keyed(create, standing, { keep: 2, keepInformed: 2 })
    const busy = states('knows a')
    busy.knows = busy.busy = true
    learn(states, ...Array.from({ length: 100 }, (_, i) => `knows ${i}`))
    expect(states('knows a')).toBe(busy)
    // It was put aside, and is in use again without having been asked for.
    busy.busy = false
    learn(states, 'knows b', 'knows c')
    busy.busy = true
    learn(states, ...Array.from({ length: 100 }, (_, i) => `knows ${i}`))
    expect(states('knows a')).toBe(busy)
  })
  test('who wants to hears of each that is dropped, once', () => {
    const dropped: string[] = []
    const states = keyed(create, standing, { keep: 2, keepInformed: 2, dropped: (key) => dropped.push(key) })
    learn(states, ...Array.from({ length: 50 }, (_, i) => `knows ${i}`))
    for (let i = 0; i < 50; i++) states(`cold ${i}`)
    const left = Array.from(states.entries(), ([key]) => key)
    expect(left).toHaveLength(4)
    expect([...dropped, ...left].toSorted()).toEqual(
      [...Array(50).keys()].flatMap((i) => [`knows ${i}`, `cold ${i}`]).toSorted(),
    )
  })
  test('a million informed keys leave a bounded number, at a bounded number of looks for each', () => {
    let asked = 0
    const states = keyed<string>(
      (key) => key,
      () => {
        asked++
        return 'informed'
      },
    )
    for (let i = 0; i < 1_000_000; i++) states(`https://host-${i}.example`)
    expect([...states.entries()]).toHaveLength(1000 + 1000)
    expect([...states.entries()].at(0)?.[0]).toBe(`https://host-${1_000_000 - 2000}.example`)
    expect(asked).toBeLessThanOrEqual(20 * 1_000_000)
  })
})
