import { describe, expect, test } from 'vitest'
import type { Attempt } from '../src/main-job/clients.ts'
import { timelineOf } from '../src/main-job/timeline.ts'

const attempt = (facts: Partial<Attempt>): Attempt => ({
  sentAt: 0,
  headersMs: 0,
  status: 200,
  queueMs: 0,
  holdMs: 0,
  backoffMs: 0,
  ...facts,
})

describe('what came back', () => {
  test('is counted in the slice in which it came', () => {
    const attempts = [
      attempt({ sentAt: 90, headersMs: 20 }),
      attempt({ sentAt: 99, status: 404 }),
      attempt({ sentAt: 110, status: 429 }),
      attempt({ sentAt: 299, status: 503 }),
      attempt({ sentAt: 300, status: 0 }),
      attempt({ sentAt: 310, status: 402 }),
    ]
    expect(timelineOf({ attempts, wallMs: 310 }, 100)).toMatchObject({
      answered: [1, 1, 0, 0],
      tooMany: [0, 1, 0, 0],
      serverErrors: [0, 0, 1, 0],
      other: [0, 0, 0, 2],
    })
  })
})

describe('where the calls were', () => {
  test('is read backwards from the sending: on hold, before that in the queue, before that backing off', () => {
    const attempts = [attempt({ sentAt: 350, headersMs: 100, holdMs: 100, queueMs: 100, backoffMs: 150 })]
    expect(timelineOf({ attempts, wallMs: 500 }, 100)).toMatchObject({
      backingOff: [1, 0.5, 0, 0, 0],
      inQueue: [0, 0.5, 0.5, 0, 0],
      onHold: [0, 0, 0.5, 0.5, 0],
      inFlight: [0, 0, 0, 0.5, 0.5],
    })
  })

  test('adds up over calls', () => {
    const attempts = [attempt({ sentAt: 0, headersMs: 100 }), attempt({ sentAt: 50, headersMs: 100, queueMs: 50 })]
    expect(timelineOf({ attempts, wallMs: 150 }, 100)).toMatchObject({ inFlight: [1.5, 0.5], inQueue: [0.5, 0] })
  })

  test('leaves out what clocks of different grain put before the beginning', () => {
    const attempts = [attempt({ sentAt: 50, headersMs: 10, queueMs: 60 })]
    expect(timelineOf({ attempts, wallMs: 60 }, 100)).toMatchObject({ inQueue: [0.5] })
  })
})
