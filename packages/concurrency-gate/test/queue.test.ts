import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Entry, type Line, newEntry, newLine, newQueue, type Place, type Queue } from '../src/queue.ts'

const REQUEST = new Request('https://api.test/')

const join = (queue: Queue | Line, place: Place = 'new'): Entry => {
  const entry = newEntry(REQUEST, place, Infinity, () => {})
  queue.join(entry, place === 'ahead')
  return entry
}

/** Whoever comes first leaves. */
const shift = (queue: Queue | Line): Entry | undefined => {
  const { first } = queue
  if (first) leave(first)
  return first
}

const leave = (entry: Entry): void => entry.queue?.leave(entry)

describe('a queue of calls', () => {
  test('those sent back come first, then those that were sent before, then first come, first served', () => {
    const line = newLine()
    const a = join(line)
    const b = join(line)
    const c = join(line, 'again')
    const d = join(line, 'ahead')
    const e = join(line, 'again')
    const f = join(line)
    expect(line.size).toBe(6)
    for (const entry of [d, c, e, a, b, f, undefined]) expect(shift(line)).toBe(entry)
    expect(line.size).toBe(0)
  })

  test('the first that was never sent is known', () => {
    const line = newLine()
    const again = join(line, 'again')
    expect(line.firstNew).toBeUndefined()
    const a = join(line)
    join(line)
    expect(line.firstNew).toBe(a)
    leave(again)
    expect(line.firstNew).toBe(a)
  })

  test('leaving twice, or after the turn has come, changes nothing', () => {
    const queue = newQueue()
    const a = join(queue)
    const b = join(queue)
    expect(shift(queue)).toBe(a)
    queue.leave(a)
    expect(queue.size).toBe(1)
    queue.leave(b)
    queue.leave(b)
    expect(queue.size).toBe(0)
    expect(shift(queue)).toBeUndefined()
  })

  test('whoever has left may join another queue', () => {
    const [queue, other] = [newQueue(), newQueue()]
    const [a, b] = [join(queue), join(queue)]
    queue.leave(a)
    other.join(a, false)
    queue.leave(a)
    expect([a.queue, b.queue]).toEqual([other, queue])
    expect([queue.size, other.size]).toEqual([1, 1])
    other.leave(a)
    expect([queue.first, other.first, a.queue]).toEqual([b, undefined, undefined])
  })

  test('behaves like a list, whoever joins, leaves and is served', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('join' as const), place: fc.constantFrom('new', 'again', 'ahead') }),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('shift' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const line = newLine()
        const model: Entry[] = []
        const everybody: Entry[] = []
        for (const one of steps) {
          if (one.do === 'join') {
            const entry = join(line, one.place)
            everybody.push(entry)
            const never = model.findIndex(({ place }) => place === 'new')
            const places = { ahead: 0, again: never < 0 ? model.length : never, new: model.length }
            model.splice(places[one.place], 0, entry)
          } else if (one.do === 'shift') expect(shift(line)).toBe(model.shift())
          else if (everybody.length > 0) {
            const entry = everybody[one.which % everybody.length] as Entry
            leave(entry)
            if (model.includes(entry)) model.splice(model.indexOf(entry), 1)
          }
          expect(line.size).toBe(model.length)
          expect(line.first).toBe(model[0])
          for (const entry of everybody) expect(line.holds(entry)).toBe(model.includes(entry))
          expect(line.firstNew).toBe(model.find(({ place }) => place === 'new'))
        }
        for (const entry of model) expect(shift(line)).toBe(entry)
        expect(shift(line)).toBeUndefined()
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
