import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newDepartures } from '../src/departures.ts'
import { newOthers } from '../src/others.ts'

useFakeTime()

const setup = () => {
  const departures = newDepartures()
  const others = newOthers(departures)
  const answer = (departure: ReturnType<typeof departures.sent>, remaining: number, now = 0): void => {
    departures.answered(departure, true)
    others.learn({ remaining, resetMs: 1000, limit: 100, windowMs: undefined }, departure, now)
  }
  return { others, answer, send: () => departures.sent(undefined, 0) }
}

test('others are seen where less is left than we can have taken', () => {
  const { others, answer, send } = setup()
  answer(send(), 99, 1)
  answer(send(), 98, 2)
  expect(others.seenAt()).toBe(-Infinity)
  answer(send(), 90, 3)
  expect(others.seenAt()).toBe(3)
})

test('an answer that was overtaken tells of an earlier moment: of nobody', () => {
  const { others, answer, send } = setup()
  const [slow, fast] = [send(), send()]
  // Between them much was given back.
  answer(fast, 98)
  answer(slow, 50)
  expect(others.seenAt()).toBe(-Infinity)
})

test('nobody is seen of a limit that only we use, whatever it gives back and whichever answers overtake which', () => {
  const steps = fc.array(
    fc.oneof(
      fc.constant({ is: 'send' as const }),
      fc.record({ is: fc.constant('arrive' as const), which: fc.nat(20) }),
      fc.record({ is: fc.constant('answer' as const), which: fc.nat(20) }),
      fc.record({ is: fc.constant('refill' as const), by: fc.nat(9) }),
    ),
    { minLength: 20, maxLength: 200 },
  )
  fc.assert(
    fc.property(steps, (all) => {
      const { others, answer, send } = setup()
      const onTheWay: ReturnType<typeof send>[] = []
      const answered: (readonly [ReturnType<typeof send>, number])[] = []
      let left = 1000
      for (const step of all) {
        if (step.is === 'send') onTheWay.push(send())
        if (step.is === 'refill') left += step.by
        if (step.is === 'arrive' && onTheWay.length > 0)
          for (const one of onTheWay.splice(step.which % onTheWay.length, 1)) answered.push([one, --left])
        if (step.is === 'answer' && answered.length > 0)
          for (const [one, remaining] of answered.splice(step.which % answered.length, 1)) answer(one, remaining)
      }
      expect(others.seenAt()).toBe(-Infinity)
    }),
    { numRuns: 1000 },
  )
})
