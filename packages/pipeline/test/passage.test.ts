import { describe, expect, it } from 'vitest'
import { outcomes, useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Constraint, constrained, createFetch, type Fetch } from '../src/index.ts'

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
