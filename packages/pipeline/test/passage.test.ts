import { describe, expect, it } from 'vitest'
import { outcomes, useFakeTime } from '../../aplomb/test/support/time.ts'
import { type CallEvent, type Constraint, constrained, createFetch, type Fetch, type Line } from '../src/index.ts'

useFakeTime()

const URL_A = 'https://api.test/a'
const refusing: Fetch = async () => new Response('no', { status: 429 })

/** Counts what is in flight; the rest is the test's. */
const setup = (more: Partial<Constraint>, fetch: Fetch = refusing, timeoutMs?: number) => {
  const state = { inFlight: 0, sent: 0 }
  const counting = constrained('counting', () => ({
    waitMs: () => 0,
    ...more,
    sent: () => {
      state.sent++
      state.inFlight++
    },
    ended: () => void state.inFlight--,
  }))
  return { state, fetch: createFetch([counting], { fetch, timeoutMs }) }
}

describe('what passes the door ends, whatever comes of it', () => {
  it('an answer, an error', async () => {
    const answered = setup({}, async () => new Response('ok'))
    await outcomes([answered.fetch(URL_A)])
    const failed = setup({}, async () => Promise.reject(new TypeError('fetch failed')))
    await outcomes([failed.fetch(URL_A)])
    expect([answered.state, failed.state]).toEqual(Array.from({ length: 2 }, () => ({ inFlight: 0, sent: 1 })))
  })

  it('a refusal that may not wait for its next turn: its answer is returned', async () => {
    let refused = false
    const more: Partial<Constraint> = {
      certain: true,
      waitMs: () => (refused ? 5000 : 0),
      heard: () => {
        refused = true
        return { place: 'back', waitMs: 5000 }
      },
    }
    const { state, fetch } = setup(more, refusing, 1000)
    const [end] = await outcomes([fetch(URL_A)])
    expect(end).toHaveProperty('error.name', 'TimeoutError')
    expect(state).toEqual({ inFlight: 0, sent: 1 })
  })

  it.each(['heard', 'waitMs'] as const)('a constraint whose %s throws refuses the call', async (name) => {
    const mine = new Error('mine')
    let calls = 0
    const { state, fetch } = setup({
      [name]: () => {
        calls++
        throw mine
      },
    })
    expect(await outcomes([fetch(URL_A)])).toEqual([{ error: mine }])
    expect(state.inFlight).toBe(0)
    expect(calls).toBe(1)
  })

  it('one that throws of somebody who waits refuses that one, and holds up nobody else', async () => {
    let closed = true
    const { state, fetch } = setup(
      {
        waitMs: ({ request }) => {
          if (closed) return 1000
          if (request.url.endsWith('bad')) throw new Error('mine')
          return 0
        },
      },
      async () => new Response('ok'),
    )
    const calls = ['a', 'bad', 'b'].map((name) => fetch(`https://api.test/${name}`))
    closed = false
    const ends = await outcomes(calls)
    expect(ends.map((end) => ('value' in end ? end.value.status : String(end.error)))).toEqual([
      200,
      'Error: mine',
      200,
    ])
    expect(state).toEqual({ inFlight: 0, sent: 2 })
  })
})

describe('what a constraint hears', () => {
  it.each([
    ['GET', 503, true],
    ['POST', 503, false],
    ['POST', 429, true],
    ['GET', 429, true],
    ['GET', 200, false],
    ['GET', 400, false],
  ])('%s, %i: whether it may be sent again: %s', async (method, status, repeatable) => {
    const heard: boolean[] = []
    const { fetch } = setup(
      { heard: (_, signal) => void heard.push(signal.repeatable) },
      async () => new Response('x', { status }),
    )
    await outcomes([fetch(URL_A, { method })])
    expect(heard).toEqual([repeatable])
  })

  it('and has sent again is told as a retry, of what and by whom', async () => {
    const events: CallEvent[] = []
    let answers = 0
    const again = constrained('again', () => ({
      waitMs: () => 0,
      heard: () => (answers === 1 ? { place: 'front', waitMs: 20 } : undefined),
    }))
    const fetch = createFetch([again], {
      fetch: async () => new Response('x', { status: answers++ === 0 ? 429 : 200 }),
      onEvent: (event) => events.push(event),
    })
    await outcomes([fetch(URL_A)])
    const retries = events.filter(({ type }) => type === 'retry')
    expect(retries).toMatchObject([{ by: 'again', attempt: 1, key: 'https://api.test', waitMs: 20 }])
    expect(retries[0]?.call).toBe(events.find(({ type }) => type === 'attempt')?.call)
  })
})

it('a line that is woken has its constraint asked anew, at every door; queued() counts those who wait', async () => {
  let open = false
  let line: Line | undefined
  const gate = constrained('gate', (_, given) => {
    line = given
    return { waitMs: () => (open ? 0 : Infinity) }
  })
  const inner: Fetch = async () => new Response('x')
  const [one, other] = [createFetch([gate], { fetch: inner }), createFetch([gate], { fetch: inner })]
  const ended = outcomes([one(URL_A), other(URL_A), other(URL_A)])
  await Promise.resolve()
  expect(line?.queued()).toBe(3)
  open = true
  line?.wake()
  expect((await ended).map((outcome) => 'value' in outcome)).toEqual([true, true, true])
  expect(line?.queued()).toBe(0)
})
