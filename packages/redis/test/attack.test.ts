import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import fc from 'fast-check'
import { aplomb } from 'aplomb'
import { fleet, memoryEngine } from '../src/index.ts'
import { MOST_UNREAD, newRooms } from '../src/rooms.ts'
import { LEASE_MS, newMembers, newServer, newWire, URL_A } from './support.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Whatever JSON has, and what looks like a message. */
const message = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      to: fc.constantFrom('leader', 'member', 'nobody'),
      type: fc.constantFrom(
        'ask',
        'gone',
        'taken',
        'heard',
        'failed',
        'settled',
        'read',
        'done',
        'flight',
        'back',
        'state',
        'go',
        'again',
        'over',
        'refused',
        'event',
        'slot',
        'recall',
        'known',
      ),
      n: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.jsonValue()),
      ns: fc.jsonValue(),
      asked: fc.integer({ min: 0, max: 2 }),
      facts: fc.jsonValue(),
      answer: fc.jsonValue(),
      verdict: fc.jsonValue(),
      waits: fc.jsonValue(),
      stintMs: fc.oneof(fc.integer(), fc.jsonValue()),
      error: fc.jsonValue(),
      event: fc.jsonValue(),
      known: fc.jsonValue(),
      ceiling: fc.jsonValue(),
      flights: fc.jsonValue(),
    },
    { requiredKeys: ['to', 'type'] },
  ),
)

it('a member that lies throws into no caller, and the others go on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(message, { maxLength: 5 }), { maxLength: 10 }),
      fc.string(),
      async (mails, garbage) => {
        const wire = newWire()
        const server = newServer(5)
        const members = newMembers(2, server, { wire, timeoutMs: 60_000 })
        const begin = members.map((fetch) => fetch(URL_A))
        await vi.advanceTimersByTimeAsync(100)
        await Promise.all(begin)
        const names = [...new Set(wire.reports.map(({ member }) => member))]
        const { room } = wire.reports[0] ?? { room: '' }
        const liar = { room, member: 'liar', leaseMs: LEASE_MS, read: 0, leaves: false }
        const { epoch } = await wire.engine.turn({ ...liar, epoch: 0, count: 1, mail: [] })
        const texts = [garbage, ...mails.map((messages) => JSON.stringify(['liar', messages]))]
        for (const to of names)
          await wire.engine.turn({
            ...liar,
            epoch,
            count: 2 + names.indexOf(to),
            mail: texts.map((text) => [to, text] as const),
          })
        const calls = members.flatMap((fetch) => [fetch(URL_A), fetch(`${URL_A}/other`)])
        const settled = Promise.allSettled(calls)
        await vi.advanceTimersByTimeAsync(61_000)
        expect(await settled).toHaveLength(4)
      },
    ),
    { numRuns: 60 },
  )
})

it.each([
  undefined,
  null,
  7,
  'x',
  [],
  {},
  { epoch: NaN },
  { epoch: 1, leader: 'a', read: 1, members: 'a', mail: [] },
  { epoch: 1, leader: 'a', read: 1, members: [], mail: [[1]] },
])('an engine that returns %j is away', async (reply) => {
  const server = newServer(5)
  const fetch = aplomb({
    fetch: server.fetchOf(0),
    log: false,
    store: fleet({ turn: async () => reply as never }, { leaseMs: LEASE_MS }),
  })
  const call = fetch(URL_A)
  await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
  expect((await call).status).toBe(200)
})

it('whoever reads nothing is gone before its mail fills the memory', () => {
  const turn = newRooms(
    () => 1,
    () => undefined,
  )
  const one = { room: 'r', leaseMs: 1000, epoch: 0, count: 1, read: 0, mail: [], leaves: false }
  const { epoch } = turn({ ...one, member: 'flood' })
  turn({ ...one, member: 'deaf' })
  const mail = Array.from({ length: 1000 }, () => ['deaf', 'x'] as const)
  for (let count = 2; count < 2 + MOST_UNREAD / 1000; count++) turn({ ...one, member: 'flood', epoch, count, mail })
  expect(turn({ ...one, member: 'flood', epoch, count: 50 }).members).toContain('deaf')
  expect(turn({ ...one, member: 'flood', epoch, count: 51, mail }).members).not.toContain('deaf')
})

it.each(['http://a\nb', `https://${'x'.repeat(100_000)}`, '\u0000', '{}', '__proto__'])(
  'a key of %j is one like any other',
  async (key) => {
    const wire = newWire()
    const server = newServer(5)
    const members = newMembers(2, server, { wire, key, concurrencyGate: { limit: 1 } })
    const calls = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(100)
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200])
    for (const { room } of wire.reports) expect(room).toMatch(/^\S{1,300}$/)
    expect(server.most).toBe(1)
  },
)

it('an engine that throws at once, or whose listening does, is away', async () => {
  const server = newServer(5)
  const broken = (): never => {
    throw new Error('broken')
  }
  for (const engine of [{ turn: broken }, { ...memoryEngine(), listen: broken }]) {
    const fetch = aplomb({ fetch: server.fetchOf(0), log: false, store: fleet(engine, { leaseMs: LEASE_MS }) })
    const call = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect((await call).status).toBe(200)
  }
})
