import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Entry, newQueue } from '../src/queue.ts'

const nothing = (): void => {}

describe('a queue of calls', () => {
  test('first come, first served; those ahead come before all others', () => {
    const queue = newQueue()
    const a = queue.join(nothing, false)
    const b = queue.join(nothing, false)
    const c = queue.join(nothing, true)
    expect(queue.size).toBe(3)
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([c, a, b, undefined])
    expect(queue.size).toBe(0)
  })

  test('leaving twice, or after the turn has come, changes nothing', () => {
    const queue = newQueue()
    const a = queue.join(nothing, false)
    const b = queue.join(nothing, false)
    expect(queue.shift()).toBe(a)
    queue.leave(a)
    expect(queue.size).toBe(1)
    queue.leave(b)
    queue.leave(b)
    expect(queue.size).toBe(0)
    expect(queue.shift()).toBeUndefined()
  })

  test('behaves like a list, whoever joins, leaves and is served', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('join' as const), ahead: fc.boolean() }),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('shift' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = newQueue()
        const model: Entry[] = []
        const everybody: Entry[] = []
        for (const one of steps) {
          if (one.do === 'join') {
            const entry = queue.join(nothing, one.ahead)
            everybody.push(entry)
            if (one.ahead) model.unshift(entry)
            else model.push(entry)
          } else if (one.do === 'shift') expect(queue.shift()).toBe(model.shift())
          else if (everybody.length > 0) {
            const entry = everybody[one.which % everybody.length] as Entry
            queue.leave(entry)
            if (model.includes(entry)) model.splice(model.indexOf(entry), 1)
          }
          expect(queue.size).toBe(model.length)
        }
        for (const entry of model) expect(queue.shift()).toBe(entry)
        expect(queue.shift()).toBeUndefined()
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
