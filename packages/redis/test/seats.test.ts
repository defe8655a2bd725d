import type { Call } from '@aplomb/pipeline'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Request as Told } from '../src/messages.ts'
import { newSeats } from '../src/seats.ts'

const request = { method: 'GET', url: 'https://api.test/v1/a', headers: new Headers() }
const call = {
  id: 'a',
  key: 'https://api.test',
  signal: new AbortController().signal,
  canAbort: false,
  attempt: 0,
  urgency: 3,
  counted: 0,
  canReplay: true,
  weighs: () => undefined,
  waited: () => undefined,
  mayWaitMs: () => Infinity,
  emit: () => undefined,
} as unknown as Call

const turn = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

/** Seats whose messages to the leader are kept in `told`. */
const seatsTelling = (told: Told[], rest: Partial<Parameters<typeof newSeats>[0]> = {}) =>
  newSeats({
    key: call.key,
    doorway: { pass: () => Promise.reject(new Error('unused')), constraints: () => [] },
    post: (message) => void told.push(message),
    leaseMs: 3000,
    maySend: () => true,
    mayKeep: () => true,
    ceiling: () => undefined,
    heard: () => undefined,
    ...rest,
  })

it('a turn that came too late is asked for again: what was heard since may hold it', async () => {
  const told: Told[] = []
  let valid = false
  let sent = 0
  const seats = seatsTelling(told, { maySend: () => valid, mayKeep: () => false })
  const passing = seats.pass(request, call, async () => {
    sent++
    return new Response('{}')
  })
  seats.receive({ to: 'member', type: 'go', n: 1, asked: 1, waits: [], stintMs: 0 })
  await turn()
  valid = true
  seats.renewed()
  await turn()
  expect(sent).toBe(0)
  expect(told.map(({ type }) => type)).toEqual(['ask', 'gone', 'ask'])
  seats.receive({ to: 'member', type: 'go', n: 1, asked: 2, waits: [], stintMs: 0 })
  expect((await passing).status).toBe(200)
  expect(sent).toBe(1)
})

it('a slot is used no more once an answer was none of use: whoever leads hears of it later', async () => {
  const told: Told[] = []
  const seats = seatsTelling(told)
  for (const n of [-1, -2]) seats.receive({ to: 'member', type: 'slot', n })
  const sent: string[] = []
  const begin = (name: string, status: number): void =>
    void seats.pass(request, { ...call, id: name }, async () => {
      sent.push(name)
      return new Response('{}', { status })
    })
  begin('served', 200)
  await turn()
  begin('refused', 429)
  await turn()
  begin('next', 200)
  await turn()
  expect(sent).toEqual(['served', 'refused'])
  expect(told.filter(({ type }) => type === 'back' || type === 'ask').map(({ type }) => type)).toEqual([
    'back',
    'back',
    'ask',
  ])
})

it('what is told with the next turn is dated as that is written down', async () => {
  vi.useFakeTimers()
  const told: Told[] = []
  const seats = seatsTelling(told)
  seats.receive({ to: 'member', type: 'slot', n: -1 })
  await seats.pass(request, call, async () => {
    await vi.advanceTimersByTimeAsync(30)
    return new Response('{}')
  })
  await vi.advanceTimersByTimeAsync(200)
  expect(JSON.parse(JSON.stringify(told))).toMatchObject([{ type: 'done', answer: { tookMs: 30, agoMs: 200 } }])
  vi.useRealTimers()
})

describe('a wait that its own process was told', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Calls that ask one after the other, and how each is answered. */
  const start = () => {
    const told: Told[] = []
    const sent: number[] = []
    const answers = new Map<number, (response: Response) => void>()
    const seats = seatsTelling(told, { ceiling: () => 2 })
    const ask = (n: number): void => {
      const next = (): Promise<Response> => {
        sent.push(n)
        return new Promise((resolve) => answers.set(n, resolve))
      }
      seats.pass(request, Object.create(call) as Call, next).catch(() => undefined)
    }
    const go = (n: number, stintMs = 0): Promise<void> => {
      seats.receive({ to: 'member', type: 'go', n, asked: 1, waits: [], stintMs })
      return turn()
    }
    const answer = (n: number, seconds?: number): Promise<void> => {
      const refused = { status: 429, headers: { 'retry-after': `${seconds}` } }
      answers.get(n)?.(new Response('{}', seconds === undefined ? {} : refused))
      return turn()
    }
    const again = (n: number): Promise<void> => {
      const event = {
        type: 'retry',
        call: 'a',
        key: call.key,
        by: 'retry-after',
        attempt: 1,
        reason: '',
        waitMs: 0,
      } as const
      seats.receive({ to: 'member', type: 'again', n, excused: false, event })
      return turn()
    }
    return { told, sent, ask, go, answer, again }
  }

  it('is not ended by a shorter one that it is told later: a turn that was given before is asked for again', async () => {
    const { told, sent, ask, go, answer } = start()
    for (const n of [1, 2, 3]) ask(n)
    await go(1)
    await go(2)
    await answer(1, 10)
    await answer(2, 1)
    await vi.advanceTimersByTimeAsync(2000)
    told.length = 0
    await go(3)
    expect(sent).toEqual([1, 2])
    expect(told.map(({ type }) => type)).toEqual(['gone', 'ask'])
  })

  it('matters until its leader has heard of it: that knows whom it holds', async () => {
    const { sent, ask, go, answer } = start()
    ask(1)
    await go(1, 10_000)
    await answer(1, 3600)
    await vi.advanceTimersByTimeAsync(6000)
    for (const n of [2, 3]) ask(n)
    await go(2, 10_000)
    await answer(2)
    expect(sent).toEqual([1, 2, 3])
  })

  it('does not hold a call of which its leader has heard later: its turn is given with all that in mind', async () => {
    const { told, sent, ask, go, answer, again } = start()
    for (const n of [1, 2]) ask(n)
    await go(1)
    await go(2)
    await answer(1, 5)
    await vi.advanceTimersByTimeAsync(10)
    await answer(2, 1)
    await again(2)
    await vi.advanceTimersByTimeAsync(1000)
    told.length = 0
    await go(2)
    expect(sent).toEqual([1, 2, 2])
    expect(told).toEqual([])
  })

  it('holds also a call that asks only then: no place of its process is used for it', async () => {
    const { sent, ask, go, answer } = start()
    for (const n of [1, 2]) ask(n)
    await go(1, 100)
    await go(2, 100)
    await answer(1, 1)
    await vi.advanceTimersByTimeAsync(1)
    ask(3)
    await answer(2)
    expect(sent).toEqual([1, 2])
  })
})

describe('a call waits for whoever leads as long as it may, and a third of a lease', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const constraints = () => [{ waitMs: () => 0, queueTimeoutMs: 5000 }]
  const unused = (): Promise<Response> => Promise.reject(new Error('unused'))
  const start = (answers: readonly Response[], own: Partial<Call> = {}) => {
    const told: Told[] = []
    let valid = true
    const seats = seatsTelling(told, { doorway: { pass: unused, constraints }, maySend: () => valid })
    const rest = [...answers]
    const settled = vi.fn<(what: unknown) => void>()
    const giveUp = vi.fn<Call['giveUp']>()
    const one = Object.assign(Object.create(call) as Call, { giveUp, ...own })
    const next = async (): Promise<Response> => rest.shift() as Response
    seats.pass(request, one, next).then(({ status }) => settled(status), settled)
    const go = (): void => seats.receive({ to: 'member', type: 'go', n: 1, asked: 1, waits: [], stintMs: 0 })
    return { told, seats, settled, giveUp, go, expire: () => void (valid = false) }
  }
  const timedOut = expect.objectContaining({ name: 'QueueTimeoutError', queueTimeoutMs: 5000 }) as Error

  it('in line, where nobody leads', async () => {
    const { told, seats, settled, giveUp } = start([])
    await vi.advanceTimersByTimeAsync(5999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toHaveBeenCalledExactlyOnceWith(timedOut)
    expect(giveUp).toHaveBeenCalledOnce()
    expect(told.map(({ type }) => type)).toEqual(['ask', 'gone'])
    expect([seats.size, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('with a turn that came too late, while the engine does not answer', async () => {
    const { settled, go, expire } = start([])
    await vi.advanceTimersByTimeAsync(1000)
    expire()
    go()
    await vi.advanceTimersByTimeAsync(4999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toHaveBeenCalledExactlyOnceWith(timedOut)
  })

  it('for what becomes of its answer: then that stands', async () => {
    const { told, settled, go } = start([new Response(null, { status: 503 })], { mayWaitMs: () => 2000 })
    go()
    await vi.advanceTimersByTimeAsync(2999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toHaveBeenCalledExactlyOnceWith(503)
    expect(told.map(({ type }) => type)).toEqual(['ask', 'heard', 'gone'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('and not at all with an answer that nobody sends again', async () => {
    const { settled, go } = start([new Response(null, { status: 404 })])
    go()
    await turn()
    expect(settled).toHaveBeenCalledExactlyOnceWith(404)
    expect(vi.getTimerCount()).toBe(0)
  })
})
