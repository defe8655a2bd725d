import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { abortAfter, CLEAN, flush, listeners, outcomes, useFakeTime, watch } from '../../aplomb/test/support/time.ts'
import { newDispersal } from '../../retry-after/src/dispersal.ts'
import type { Constraint } from '../src/constraint.ts'
import type { Call } from '../src/contract.ts'
import { newDoor } from '../src/door.ts'

useFakeTime()

/** As much of a call as a turn needs. */
const newCall = ({
  deadlineMs = Infinity,
  maxTotalWaitMs = Infinity,
  signal = new AbortController().signal,
} = {}): Call => {
  const deadline = performance.now() + deadlineMs
  const mayWaitMs = (): number => deadline - performance.now()
  const fits = (waitMs: number): boolean => waitMs < mayWaitMs()
  return {
    signal,
    canAbort: true,
    urgency: 3,
    get aborted() {
      return signal.aborted
    },
    attempt: 0,
    deadline,
    maxTotalWaitMs,
    mayWaitMs,
    fits,
    giveUp: () => undefined,
    waited: vi.fn<Call['waited']>(),
  } as Partial<Call> as Call
}

const REQUEST = new Request('https://api.test/')

/** A door that is closed for some time: so that it opens at a moment, or after each one that passes. */
const setup = () => {
  const zero = performance.now()
  const dispersal = newDispersal()
  const state = { until: 0, heldUntil: 0, afterEachMs: 0, taken: [] as number[] }
  const constraint: Constraint = {
    certain: true,
    waitMs: ({ overdue }) =>
      overdue
        ? Math.max(0, state.heldUntil - performance.now())
        : dispersal.waitMs(Math.max(0, state.until - performance.now()), door.queued),
    sent: () => {
      dispersal.sent()
      const now = performance.now()
      if (state.afterEachMs > 0) state.until = now + state.afterEachMs
      state.taken.push(now - zero)
    },
  }
  const door = newDoor([{ by: 'hold', constraint }])
  /** Lets a call pass; how many have passed by then. */
  const pass = async (call: Call, again = false): Promise<number> => {
    await door.enter(call, REQUEST, again ? 'back' : 'new')
    return state.taken.length
  }
  /** Closes it for so long from now, as an answer does that names a wait. */
  const close = (ms: number): void => {
    state.until = Math.max(state.until, performance.now() + ms)
    door.wake()
  }
  const open = (): void => {
    state.until = 0
    door.wake()
  }
  return { state, door, pass, close, open }
}

const noChance = (): void => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
}

describe('with nothing to wait for', () => {
  test('a call passes at once, without a timer', async () => {
    const { door, pass } = setup()
    const { signal } = new AbortController()
    const passed = watch(pass(newCall({ signal })))
    await flush()
    expect(passed.outcome).toEqual({ value: 1 })
    expect(door.queued).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(signal)).toBe(0)
  })

  test('not one that was aborted already', async () => {
    const { pass, state } = setup()
    const reason = new Error('mine')
    await expect(pass(newCall({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    expect(state.taken).toEqual([])
  })
})

describe('calls that wait', () => {
  test('go in the order in which they came', async () => {
    const { pass, close } = setup()
    close(1000)
    const order: number[] = []
    const waits = Array.from({ length: 20 }, (_, i) => pass(newCall()).then(() => order.push(i)))
    await outcomes(waits)
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  test('those that were refused before go before those that were not', async () => {
    const { pass, close } = setup()
    close(1000)
    const order: string[] = []
    const join = (name: string): Promise<unknown> =>
      pass(newCall(), name.startsWith('refused')).then(() => order.push(name))
    await outcomes(['new 1', 'refused 1', 'new 2', 'refused 2', 'new 3'].map(join))
    expect(order).toEqual(['refused 1', 'refused 2', 'new 1', 'new 2', 'new 3'])
  })

  test('nobody who comes later passes them by, even when nothing is to be waited for any more', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { pass, close, state } = setup()
    close(1000)
    const order: string[] = []
    const join = (name: string): Promise<unknown> => pass(newCall()).then(() => order.push(name))
    const waits = [join('first'), join('second')]
    await vi.advanceTimersByTimeAsync(1015)
    expect(order).toEqual(['first'])
    waits.push(join('third'))
    await outcomes(waits)
    expect(order).toEqual(['first', 'second', 'third'])
    expect(state.taken).toEqual([1010, 1020, 1030])
  })

  test('each takes one: where that was the last, the next waits for more', async () => {
    noChance()
    const { pass, state } = setup()
    state.afterEachMs = 60
    const waits = Array.from({ length: 4 }, () => pass(newCall()))
    await outcomes(waits)
    expect(state.taken).toEqual([0, 60, 120, 180])
  })

  test('have one timer between them, however many they are', async () => {
    const { door, pass, close } = setup()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    close(1000)
    for (let i = 0; i < 1000; i++) watch(pass(newCall(), i % 3 === 0))
    expect(vi.getTimerCount()).toBe(1)
    expect(arm).toHaveBeenCalledTimes(1)
    for (let i = 0; i < 5; i++) {
      close(1000 + i)
      expect(vi.getTimerCount()).toBe(1)
    }
    await vi.advanceTimersByTimeAsync(1030)
    expect(door.queued).toBeGreaterThan(0)
    expect(door.queued).toBeLessThan(1000)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(door.queued).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a wait that is longer than a timer can be', async () => {
    noChance()
    const { pass, close, state } = setup()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    const ms = 2 ** 31 + 5000
    close(ms)
    await outcomes([pass(newCall())])
    expect(state.taken).toEqual([ms])
    expect(arm.mock.calls.map(([, delayMs]) => delayMs)).toEqual([2 ** 31 - 1, 5001])
  })

  test('no fraction of a millisecond too early, nor woken twice for it', async () => {
    noChance()
    const { pass, close, state } = setup()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    close(10.2)
    await outcomes([pass(newCall())])
    expect(state.taken).toEqual([11])
    expect(arm).toHaveBeenCalledTimes(1)
  })
})

describe('when the wait changes', () => {
  test('it may end early: a look is enough', async () => {
    noChance()
    const { pass, close, open, state } = setup()
    close(1000)
    const waits = [pass(newCall()), pass(newCall())]
    await vi.advanceTimersByTimeAsync(300)
    open()
    await outcomes(waits)
    expect(state.taken).toEqual([300, 300])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a look alone lets nobody through', async () => {
    noChance()
    const { door, pass, close, state } = setup()
    close(1000)
    const wait = pass(newCall())
    for (let i = 0; i < 9; i++) {
      await vi.advanceTimersByTimeAsync(100)
      door.wake()
    }
    expect(state.taken).toEqual([])
    await outcomes([wait])
    expect(state.taken).toEqual([1000])
  })

  test('those who are about to go wait again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { pass, close, state } = setup()
    close(1000)
    const waits = Array.from({ length: 3 }, () => pass(newCall()))
    await vi.advanceTimersByTimeAsync(1010)
    expect(state.taken).toEqual([1010])
    close(500)
    await outcomes(waits)
    // The second pause was one of 500 ms, for two: 20 ms for each at most.
    expect(state.taken).toEqual([1010, 1520, 1530])
  })
})

describe('they are spread', () => {
  /** When those went that waited through such a pause. */
  const after = async (pauseMs: number, count: number): Promise<number[]> => {
    const { pass, close, state } = setup()
    close(pauseMs)
    await outcomes(Array.from({ length: count }, () => pass(newCall())))
    return state.taken
  }

  test('over up to a tenth of the pause', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    // A hundred milliseconds for fifty: 2 ms for each at most.
    expect(await after(1000, 50)).toEqual(Array.from({ length: 50 }, (_, i) => 1001 + i))
  })

  test('at most 20 ms for each: a few need less', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    expect(await after(10_000, 3)).toEqual([10_010, 10_020, 10_030])
  })

  test('with bad luck all of it, but no more', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999_999)
    const times = await after(1000, 50)
    expect(times.at(-1)).toBe(1100)
  })

  test('with good luck not at all: chance is only ever added', async () => {
    noChance()
    expect(await after(1000, 50)).toEqual(Array.from({ length: 50 }, () => 1000))
  })

  test('over the pause that was sat out: who came at its end hardly waits longer', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { pass, close, state } = setup()
    close(10_000)
    await vi.advanceTimersByTimeAsync(9900)
    await outcomes([pass(newCall())])
    // Of a tenth of 100 ms.
    expect(state.taken).toEqual([10_005])
  })

  test('a pause that was extended is one', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { pass, close, state } = setup()
    close(1000)
    const waits = Array.from({ length: 10 }, () => pass(newCall()))
    await vi.advanceTimersByTimeAsync(900)
    close(300)
    await outcomes(waits)
    // Of a tenth of 1200 ms.
    expect(state.taken).toEqual(Array.from({ length: 10 }, (_, i) => 1206 + i * 6))
  })
})

test('whatever the luck: not before the end of the pause, and not past a tenth of it or 20 ms for each', async () => {
  const sizes = fc.record({ pauseMs: fc.integer({ min: 1, max: 20_000 }), count: fc.integer({ min: 1, max: 200 }) })
  await fc.assert(
    fc.asyncProperty(sizes, async ({ pauseMs, count }) => {
      const { pass, close, state } = setup()
      close(pauseMs)
      await outcomes(Array.from({ length: count }, () => pass(newCall())))
      expect(state.taken).toHaveLength(count)
      expect(state.taken[0]).toBeGreaterThanOrEqual(pauseMs)
      // Timers take whole milliseconds.
      expect(state.taken.at(-1)).toBeLessThanOrEqual(Math.ceil(pauseMs + Math.min(pauseMs * 0.1, 20 * count)))
    }),
    { seed: 9, numRuns: 100 },
  )
})

describe('a deadline', () => {
  test('that comes first: the call is rejected at once, and never waits', async () => {
    const { door, pass, close } = setup()
    close(1000)
    await expect(pass(newCall({ deadlineMs: 999 }))).rejects.toThrow('on hold for 1 s more')
    // At its deadline a call has ended.
    await expect(pass(newCall({ deadlineMs: 1000 }))).rejects.toThrow('on hold for 1 s more')
    expect(door.queued).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that comes after it: the call passes', async () => {
    noChance()
    const { pass, close, state } = setup()
    close(1000)
    expect(await outcomes([pass(newCall({ deadlineMs: 1001 }))])).toEqual([{ value: 1 }])
    expect(state.taken).toEqual([1000])
  })

  test('that comes before the end of a wait that was extended: rejected in that moment, the others stay', async () => {
    noChance()
    const { door, pass, close, state } = setup()
    close(1000)
    const calls = [2000, 5000, 3000, Infinity].map((deadlineMs) => newCall({ deadlineMs }))
    const waits = calls.map((call, i) => watch(pass(call, i === 2)))
    const rejected = (): boolean[] => waits.map(({ outcome }) => outcome !== undefined && 'error' in outcome)
    await vi.advanceTimersByTimeAsync(500)
    close(1400)
    await flush()
    expect(rejected()).toEqual([false, false, false, false])
    close(1500)
    await flush()
    expect(rejected()).toEqual([true, false, false, false])
    expect(waits[0]?.outcome).toHaveProperty('error.message', 'The call was on hold for 1.5 s more, past the deadline')
    close(10_000)
    await flush()
    expect(rejected()).toEqual([true, true, true, false])
    expect(door.queued).toBe(1)
    expect(calls.map(({ signal }) => listeners(signal))).toEqual([0, 0, 0, 1])
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(waits[3]?.outcome).toEqual({ value: 1 })
    expect(state.taken).toEqual([10_500])
  })

  test('when the last one is rejected, no timer is left', async () => {
    const { pass, close } = setup()
    close(1000)
    const wait = watch(pass(newCall({ deadlineMs: 2000 })))
    close(5000)
    await flush()
    expect(wait.outcome).toHaveProperty('error')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('while a key is only refused', () => {
  /** Refused since now. */
  const setupBarren = () => {
    const all = setup()
    all.door.barrenSince = performance.now()
    return all
  }

  test('who has waited for as long as a call may goes next, whatever is expected of windows', async () => {
    noChance()
    const { door, pass, close, state } = setupBarren()
    close(10_000)
    const waits = [pass(newCall({ maxTotalWaitMs: 3000 })), pass(newCall())]
    await vi.advanceTimersByTimeAsync(2999)
    door.wake()
    expect(state.taken).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    door.wake()
    expect(state.taken).toEqual([3000])
    await outcomes(waits)
    expect(state.taken).toEqual([3000, 10_000])
  })

  test('all of them, at once', async () => {
    const { pass, close, state } = setupBarren()
    state.afterEachMs = 10_000
    close(5000)
    await outcomes(Array.from({ length: 20 }, () => pass(newCall({ maxTotalWaitMs: 3000 }))))
    expect(new Set(state.taken).size).toBe(1)
  })

  test('but not before a time that the server has named', async () => {
    noChance()
    const { door, pass, close, state } = setupBarren()
    state.heldUntil = performance.now() + 5000
    close(10_000)
    const wait = pass(newCall({ maxTotalWaitMs: 3000 }))
    await vi.advanceTimersByTimeAsync(4999)
    door.wake()
    expect(state.taken).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    door.wake()
    await outcomes([wait])
    expect(state.taken).toEqual([5000])
  })

  test('once somebody was served, everybody waits in turn again', async () => {
    noChance()
    const { door, pass, close, state } = setupBarren()
    close(10_000)
    const wait = pass(newCall({ maxTotalWaitMs: 3000 }))
    door.barrenSince = undefined
    await vi.advanceTimersByTimeAsync(5000)
    door.wake()
    expect(state.taken).toEqual([])
    await outcomes([wait])
    expect(state.taken).toEqual([10_000])
  })

  test('how long each has waited behind refusals is noted', async () => {
    noChance()
    const { door, pass, close } = setup()
    close(1000)
    const call = newCall()
    const wait = pass(call)
    await vi.advanceTimersByTimeAsync(400)
    door.barrenSince = performance.now()
    await outcomes([wait])
    expect(call.waited).toHaveBeenCalledExactlyOnceWith('hold', 1000, 600)
  })
})

describe('what a call has waited in another line', () => {
  const setupLine = () => {
    const state = { ms: Infinity }
    const constraint: Constraint = { queueTimeoutMs: 1000, waitMs: () => state.ms }
    const door = newDoor([{ by: 'gate', constraint }])
    const call = Object.assign(newCall(), { linedUpMs: 700 })
    return { state, door, call }
  }

  test('counts for its time in line', async () => {
    const { door, call } = setupLine()
    const rejected = vi.fn<(error: unknown) => void>()
    Promise.resolve(door.enter(call, REQUEST, 'new')).catch(rejected)
    await vi.advanceTimersByTimeAsync(299)
    expect(rejected).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(rejected).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: 'QueueTimeoutError' }))
  })

  test('is noted with what it waits here', async () => {
    const { state, door, call } = setupLine()
    const wait = door.enter(call, REQUEST, 'new')
    await vi.advanceTimersByTimeAsync(100)
    state.ms = 0
    door.wake()
    await wait
    expect(call.waited).toHaveBeenCalledExactlyOnceWith('queue', 800, 0)
  })
})

describe('an abort', () => {
  test.each([false, true])('ends the wait at once and leaves nothing (refused before: %s)', async (again) => {
    const { door, pass, close } = setup()
    close(1000)
    expect(await abortAfter(500, (signal) => pass(newCall({ signal }), again))).toEqual(CLEAN)
    expect(door.queued).toBe(0)
  })

  test('while they are let through, too', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { pass, close } = setup()
    close(1000)
    expect(await abortAfter(1010, (signal) => pass(newCall({ signal })))).toEqual(CLEAN)
  })

  test('of one does not hold up the others', async () => {
    noChance()
    const { pass, close, state } = setup()
    close(1000)
    const controller = new AbortController()
    const gone = watch(pass(newCall({ signal: controller.signal })))
    const wait = pass(newCall())
    controller.abort()
    await outcomes([wait])
    expect(gone.outcome).toHaveProperty('error.name', 'AbortError')
    expect(state.taken).toEqual([1000])
  })

  test('the next pause begins anew', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { pass, close, state } = setup()
    close(10_000)
    expect(await abortAfter(500, (signal) => pass(newCall({ signal })))).toEqual(CLEAN)
    await vi.advanceTimersByTimeAsync(9400)
    await outcomes([pass(newCall())])
    // It sat out the last 100 ms of it.
    expect(state.taken).toEqual([10_005])
  })

  test.each([
    ['a signal of their own', () => new AbortController()],
    [
      'one signal',
      (
        (one: AbortController) => () =>
          one
      )(new AbortController()),
    ],
  ])('of ten thousand with %s takes milliseconds', async (_, controllerOf) => {
    const { door, pass, close } = setup()
    const controllers = Array.from({ length: 10_000 }, controllerOf)
    let looks = 0
    close(1000)
    const waits = controllers.map(({ signal }) => {
      const call = newCall({ signal, deadlineMs: 60_000 })
      const counting = { ...call, fits: (ms: number) => (looks++, call.fits(ms)) } as Call
      return watch(pass(counting))
    })
    const arm = vi.spyOn(globalThis, 'setTimeout')
    // Of this process alone: what else the machine does takes no part in it.
    const began = process.cpuUsage()
    for (const controller of controllers) controller.abort()
    const { user, system } = process.cpuUsage(began)
    await flush()
    expect(waits.every(({ outcome }) => outcome && 'error' in outcome)).toBe(true)
    expect(door.queued).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    // Each was asked once, when it came, and nobody again because of another: no work grows with the square.
    expect(looks).toBe(10_000)
    expect(arm).not.toHaveBeenCalled()
    expect((user + system) / 1000).toBeLessThan(1000)
  })
})

test('whatever happens, each goes in its turn, not before the end, and nobody is forgotten', async () => {
  const event = fc.oneof(
    fc.record({ join: fc.constantFrom('new', 'refused'), deadlineMs: fc.option(fc.nat(8000), { nil: Infinity }) }),
    fc.record({ closeMs: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ passMs: fc.nat(1500) }),
    fc.record({ abort: fc.nat(30) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 40 }), async (events) => {
      const lines: Record<string, number[]> = { refused: [], new: [] }
      let until = 0
      const dispersal = newDispersal()
      const constraint: Constraint = {
        certain: true,
        waitMs: () => dispersal.waitMs(Math.max(0, until - performance.now()), door.queued),
        sent: () => {
          dispersal.sent()
          expect(performance.now()).toBeGreaterThanOrEqual(until)
        },
      }
      const door = newDoor([{ by: 'hold', constraint }])
      const pass = async (call: Call, again: boolean): Promise<void> =>
        void (await door.enter(call, REQUEST, again ? 'back' : 'new'))
      const controllers: AbortController[] = []
      const waits: Promise<void>[] = []
      const leave = (id: number): void => {
        for (const line of Object.values(lines)) if (line.includes(id)) line.splice(line.indexOf(id), 1)
      }
      for (const one of events) {
        if ('join' in one) {
          const id = waits.length
          const controller = new AbortController()
          controllers.push(controller)
          lines[one.join]?.push(id)
          const { join, deadlineMs } = one
          const wait = pass(newCall({ signal: controller.signal, deadlineMs }), join === 'refused').then(
            () => {
              expect(id).toBe(lines['refused']?.[0] ?? lines['new']?.[0])
              leave(id)
            },
            () => leave(id),
          )
          watch(wait)
          waits.push(wait)
          // It passes, or hears that it cannot, before anything else happens.
          await flush()
        } else if ('closeMs' in one) {
          until = Math.max(until, performance.now() + one.closeMs)
          door.wake()
          await flush()
        } else if ('abort' in one) {
          controllers[one.abort]?.abort()
          await flush()
        } else await vi.advanceTimersByTimeAsync(one.passMs)
        expect(door.queued).toBe(Object.values(lines).flat().length)
        expect(vi.getTimerCount()).toBe(door.queued > 0 ? 1 : 0)
      }
      for (const outcome of await outcomes(waits)) expect(outcome).toEqual({ value: undefined })
      expect([door.queued, vi.getTimerCount()]).toEqual([0, 0])
    }),
    { seed: 8, numRuns: 100 },
  )
})

describe('a constraint that refuses a call', () => {
  const setupRefusing = () => {
    const state = { heavy: new Set<Call>(), open: false }
    const error = new Error('it never fits')
    const constraint: Constraint = {
      waitMs: () => (state.open ? 0 : Infinity),
      refuses: ({ call }) => (state.heavy.has(call) ? error : undefined),
    }
    const door = newDoor([{ by: 'scales', constraint }])
    return { state, error, door }
  }

  test('turns it away when it comes, also behind others that wait; nobody retries', async () => {
    const { state, error, door } = setupRefusing()
    const first = watch(Promise.resolve(door.enter(newCall(), REQUEST, 'new')))
    const heavy = newCall()
    const giveUp = vi.spyOn(heavy, 'giveUp')
    state.heavy.add(heavy)
    expect(() => door.enter(heavy, REQUEST, 'new')).toThrow(error)
    expect(giveUp).toHaveBeenCalledWith('scales', 'it never fits')
    expect(door.queued).toBe(1)
    state.open = true
    door.wake()
    await flush()
    expect(first.outcome).toHaveProperty('value')
  })

  test('or when its turn comes, and lets the next one pass', async () => {
    const { state, error, door } = setupRefusing()
    const [heavy, light] = [newCall(), newCall()]
    const watched = [heavy, light].map((call) => watch(Promise.resolve(door.enter(call, REQUEST, 'new'))))
    state.heavy.add(heavy)
    state.open = true
    door.wake()
    await flush()
    expect(watched[0]!.outcome).toEqual({ error })
    expect(watched[1]!.outcome).toHaveProperty('value')
    expect(door.queued).toBe(0)
  })
})
