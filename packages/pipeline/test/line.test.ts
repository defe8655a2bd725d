import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Entry, newOrdered, type Ordered, type Place } from '../src/line.ts'
import { newQueue, type Queue } from '../src/queue.ts'

const newEntry = (place: Place, urgency = 3, joinedAt = 0): Entry =>
  ({ place, urgency, joinedAt, queue: undefined, before: undefined, after: undefined }) as unknown as Entry

const join = (line: Ordered, place: Place = 'new', urgency?: number, joinedAt?: number): Entry => {
  const entry = newEntry(place, urgency, joinedAt)
  line.join(entry, place === 'front')
  return entry
}

const joinQueue = (queue: Queue<Entry>): Entry => {
  const entry = newEntry('new')
  queue.join(entry)
  return entry
}

/** Whose turn it is leaves to be sent. */
const shift = (line: Ordered): Entry | undefined => {
  const first = line.first(false)
  if (!first) return undefined
  line.took(first)
  line.leave(first)
  return first
}

describe('a queue of calls', () => {
  test('those sent back come first, then those that were sent before, then first come, first served', () => {
    const line = newOrdered()
    const a = join(line)
    const b = join(line)
    const c = join(line, 'back')
    const d = join(line, 'front')
    const e = join(line, 'back')
    const f = join(line)
    expect(line.size).toBe(6)
    for (const entry of [d, c, e, a, b, f, undefined]) expect(shift(line)).toBe(entry)
    expect(line.size).toBe(0)
  })

  test('the first that was never sent is known', () => {
    const line = newOrdered()
    const again = join(line, 'back')
    expect(line.first(true)).toBe(again)
    const a = join(line)
    join(line)
    expect(line.first(true)).toBe(a)
    line.leave(again)
    expect(line.first(true)).toBe(a)
  })

  test('leaving twice, or after the turn has come, changes nothing', () => {
    const queue = newQueue<Entry>()
    const a = joinQueue(queue)
    const b = joinQueue(queue)
    queue.leave(a)
    queue.leave(a)
    expect(queue.first).toBe(b)
    expect(queue.size).toBe(1)
    queue.leave(b)
    queue.leave(b)
    expect(queue.size).toBe(0)
    expect(queue.first).toBeUndefined()
  })

  test('whoever has left may join another queue', () => {
    const [queue, other] = [newQueue<Entry>(), newQueue<Entry>()]
    const [a, b] = [joinQueue(queue), joinQueue(queue)]
    queue.leave(a)
    other.join(a)
    queue.leave(a)
    expect([a.queue, b.queue]).toEqual([other, queue])
    expect([queue.size, other.size]).toEqual([1, 1])
    other.leave(a)
    expect([queue.first, other.first, a.queue]).toEqual([b, undefined, undefined])
  })

  test('behaves like a list, whoever joins, leaves and is served', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('join' as const), place: fc.constantFrom('new', 'back', 'front') }),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('shift' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const line = newOrdered()
        const model: Entry[] = []
        const everybody: Entry[] = []
        for (const one of steps) {
          if (one.do === 'join') {
            const entry = join(line, one.place)
            everybody.push(entry)
            const never = model.findIndex(({ place }) => place === 'new')
            const places = { front: 0, back: never < 0 ? model.length : never, new: model.length }
            model.splice(places[one.place], 0, entry)
          } else if (one.do === 'shift') expect(shift(line)).toBe(model.shift())
          else if (everybody.length > 0) {
            const entry = everybody[one.which % everybody.length] as Entry
            if (!model.includes(entry)) continue
            line.leave(entry)
            model.splice(model.indexOf(entry), 1)
          }
          expect(line.size).toBe(model.length)
          expect(line.first(false)).toBe(model[0])
          for (const entry of everybody) expect(line.holds(entry)).toBe(model.includes(entry))
          expect(line.first(true)).toBe(model.find(({ place }) => place === 'new') ?? model[0])
          expect([...line]).toEqual(model)
        }
        for (const entry of model) expect(shift(line)).toBe(entry)
        expect(shift(line)).toBeUndefined()
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('the most urgent come first, whenever they came', () => {
    const line = newOrdered()
    const late = join(line, 'new', 5)
    const early = join(line, 'new', 1)
    const again = join(line, 'back', 5)
    const front = join(line, 'front', 7)
    for (const entry of [early, again, late, front]) expect(shift(line)).toBe(entry)
  })

  test('one of twenty is the one that has waited for longest: nobody starves', () => {
    const line = newOrdered()
    for (let i = 0; i < 10; i++) join(line, 'new', 7, i)
    const order = Array.from({ length: 200 }, (_, i) => {
      join(line, 'new', 0, 100 + i)
      return shift(line)?.urgency
    })
    expect(order.filter((urgency) => urgency === 7)).toHaveLength(10)
    expect(order.slice(0, 19).every((urgency) => urgency === 0)).toBe(true)
    expect(order[19]).toBe(7)
  })
})
