import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aplomb } from 'aplomb'
import { durableObject, durableObjectEngine, type Engine, fleet, memoryEngine } from '../src/index.ts'
import { LEASE_MS, newClockedEngine, newMembers, newServer, newWire, URL_A } from './support.ts'

const warn = vi.fn()
beforeEach(() => {
  warn.mockClear()
  vi.spyOn(console, 'warn').mockImplementation(warn)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const statuses = (all: readonly Promise<Response>[]): Promise<number[]> =>
  Promise.all(all.map(async (one) => (await one).status))

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

describe('1. for each key one member leads, and the calls of all pass its door', () => {
  it('never has more in flight than one client may', async () => {
    const server = newServer(20)
    const members = newMembers(8, server, { concurrencyGate: { limit: 5 } })
    const calls = members.flatMap((fetch) => times(20, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(20 * 33)
    expect(await statuses(calls)).toEqual(times(160, () => 200))
    expect(server.most).toBe(5)
  })

  it('members take turns, whoever came first', async () => {
    const server = newServer(10)
    const [one, other] = newMembers(2, server, { concurrencyGate: { limit: 1 } })
    const first = times(40, () => one?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(50)
    server.sent.length = 0
    const second = times(10, () => other?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(200)
    expect(server.sent.filter(({ by }) => by === 1)).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await statuses([...first, ...second])).toEqual(times(50, () => 200))
  })

  it('urgent calls of one member go before others of another', async () => {
    const server = newServer(10)
    const [one, other] = newMembers(2, server, { concurrencyGate: { limit: 1 } })
    const first = times(10, () => one?.(`${URL_A}/batch`) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(5)
    const urgent = other?.(`${URL_A}/urgent`, { headers: { priority: 'u=0' } }) as Promise<Response>
    await vi.advanceTimersByTimeAsync(200)
    expect(await statuses([...first, urgent])).toHaveLength(11)
    expect(server.sent.findIndex(({ url }) => url.endsWith('urgent'))).toBeLessThanOrEqual(2)
  })

  it('keys have nothing to do with each other', async () => {
    const server = newServer(10)
    const members = newMembers(2, server, { concurrencyGate: { limit: 1 } })
    const calls = members.flatMap((fetch) => times(3, (i) => fetch(`https://api${i}.test/`)))
    await vi.advanceTimersByTimeAsync(25)
    expect(await statuses(calls)).toHaveLength(6)
    expect(server.most).toBe(3)
  })

  it('an answer that counts until its body is read is given up where its call is sent again', async () => {
    const server = newServer(10)
    const refused = new Response('{}', { status: 429, headers: { 'retry-after': '8' } })
    const answers = [refused]
    server.answering = () => answers.shift() ?? new Response('{}')
    const [one] = newMembers(1, server, { concurrencyGate: { slotUntil: 'body' } })
    const call = one?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await statuses([call])).toEqual([200])
    expect(server.sent).toHaveLength(2)
  })

  it('what answers that count until they are read had taken comes back, however often their call was sent', async () => {
    const server = newServer(10)
    const answers = [503, 502, 200].map((status) => new Response('{}', { status }))
    server.answering = () => answers.shift() ?? new Response('{}')
    const [one] = newMembers(1, server, { concurrencyGate: { slotUntil: 'body' } })
    const call = one?.(URL_A).then((response) => response.text())
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await call).toBe('{}')
    expect(one?.stats()).toMatchObject({ active: 0 })
  })

  it('an answer without a body does not count until that is read', async () => {
    const server = newServer(10, () => new Response(null, { status: 429 }))
    const [one] = newMembers(1, server, { concurrencyGate: { slotUntil: 'body' }, maxTotalWaitMs: 0 })
    const calls = times(4, () => one?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await statuses(calls)).toEqual([429, 429, 429, 429])
    expect(one?.stats()).toMatchObject({ active: 0 })
  })

  it('two fleets do not share', async () => {
    const server = newServer(10)
    const [one] = newMembers(1, server, { concurrencyGate: { limit: 1 } })
    const [other] = newMembers(1, server, { concurrencyGate: { limit: 1 } })
    const calls = [one?.(URL_A), other?.(URL_A)] as Promise<Response>[]
    await vi.advanceTimersByTimeAsync(10)
    expect(await statuses(calls)).toEqual([200, 200])
    expect(server.most).toBe(2)
  })
})

describe('2. what one has learned, all know', () => {
  it('a wait that the server names to one holds all', async () => {
    const refused = new Response('{}', { status: 429, headers: { 'retry-after': '2' } })
    const answers = [refused]
    const server = newServer(5, () => answers.shift() ?? new Response('{}'))
    const members = newMembers(3, server)
    const first = members[1]?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(10)
    const calls = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(1900)
    expect(server.sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(600)
    expect(await statuses([first, ...calls])).toEqual([200, 200, 200, 200])
    expect(server.sent).toHaveLength(5)
    expect(server.sent[1]?.at).toBeGreaterThanOrEqual((server.sent[0]?.at ?? 0) + 2000)
  })

  it('a ceiling that the server announces to one counts for all', async () => {
    const server = newServer(20)
    server.answering = () =>
      new Response('{}', {
        headers: { 'x-concurrent-threads-limit': '3', 'x-concurrent-threads-active': String(server.inFlight) },
      })
    const members = newMembers(4, server)
    await vi.advanceTimersByTimeAsync(0)
    const first = members[0]?.(URL_A)
    await vi.advanceTimersByTimeAsync(30)
    expect((await first)?.status).toBe(200)
    server.most = 0
    const calls = members.flatMap((fetch) => times(5, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await statuses(calls)).toEqual(times(20, () => 200))
    expect(server.most).toBe(3)
  })

  it('a refused call is sent again by the member that it is of, and a failed one by its backoff', async () => {
    const plan = [503, 429, 200].map(
      (status) => new Response('{}', { status, headers: status === 429 ? { 'retry-after': '1' } : {} }),
    )
    const server = newServer(5, () => plan.shift() ?? new Response('{}'))
    const [, other] = newMembers(2, server)
    const call = other?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(4000)
    expect((await call).status).toBe(200)
    expect(server.sent.map(({ by }) => by)).toEqual([1, 1, 1])
  })
})

describe('3. a lone member leads, and pays heartbeats only', () => {
  it('however many calls it makes', async () => {
    const wire = newWire()
    const server = newServer(10)
    const [fetch] = newMembers(1, server, { wire })
    const first = fetch?.(URL_A)
    await vi.advanceTimersByTimeAsync(10)
    expect((await first)?.status).toBe(200)
    wire.turns = 0
    for (let i = 0; i < 50; i++) {
      const call = fetch?.(URL_A)
      await vi.advanceTimersByTimeAsync(10)
      expect((await call)?.status).toBe(200)
    }
    expect(wire.turns).toBeLessThanOrEqual(500 / (LEASE_MS / 12) + 1)
  })

  it('leaves a key that was not used for long, without a timer', async () => {
    const wire = newWire()
    const [fetch] = newMembers(1, newServer(10), { wire })
    const call = fetch?.(URL_A)
    await vi.advanceTimersByTimeAsync(10)
    expect((await call)?.status).toBe(200)
    await vi.advanceTimersByTimeAsync(11 * LEASE_MS)
    expect(wire.reports.at(-1)?.leaves).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    const again = fetch?.(URL_A)
    await vi.advanceTimersByTimeAsync(10)
    expect((await again)?.status).toBe(200)
  })
})

describe('11. what a member has used it may keep, as long as nobody waits', () => {
  const steady = async (wire = newWire(), server = newServer(10), count = 4) => {
    const members = newMembers(count, server, { wire })
    const rounds = async (total: number): Promise<number[]> => {
      const calls: Promise<Response>[] = []
      for (let i = 0; i < total; i++) {
        for (const fetch of members) calls.push(fetch(URL_A))
        await vi.advanceTimersByTimeAsync(20)
      }
      return statuses(calls)
    }
    await rounds(30)
    return { wire, server, members, rounds }
  }

  it('so that its calls cost next to no turn', async () => {
    const { wire, rounds } = await steady()
    wire.turns = 0
    expect(await rounds(50)).toEqual(times(200, () => 200))
    expect(wire.turns / 200).toBeLessThan(0.1)
  })

  it('but not after a burst, so that the key comes to rest', async () => {
    const wire = newWire()
    const members = newMembers(4, newServer(10), { wire })
    for (let i = 0; i < 20; i++) {
      const calls = members.flatMap((fetch) => times(10, () => fetch(URL_A)))
      await vi.advanceTimersByTimeAsync(200)
      expect(await statuses(calls)).toEqual(times(40, () => 200))
    }
    expect(JSON.stringify(wire.reports)).not.toContain('slot')
  })

  it.each([
    [64, 4],
    [8, 10],
  ])('all of %d members, %d calls of each at once', async (count, each) => {
    const wire = newWire()
    const server = newServer(50)
    const members = newMembers(count, server, { wire, options: { leaseMs: 3000 } })
    const until = performance.now() + 3000
    const served = times(count, () => 0)
    const caller = async (i: number): Promise<void> => {
      while (performance.now() < until) {
        await members[i]?.(URL_A)
        served[i] = (served[i] ?? 0) + 1
      }
    }
    const callers = members.flatMap((_, i) => times(each, () => caller(i)))
    await vi.advanceTimersByTimeAsync(2000)
    wire.turns = 0
    served.fill(0)
    await vi.advanceTimersByTimeAsync(1000)
    const all = served.reduce((sum, one) => sum + one)
    expect(wire.turns / all).toBeLessThan(0.1)
    // Nobody waits for another turn than its server's.
    expect(Math.min(...served)).toBeGreaterThan(0.95 * each * (1000 / server.tookMs))
    await vi.advanceTimersByTimeAsync(server.tookMs)
    await Promise.all(callers)
  })

  it('until others do', async () => {
    const wire = newWire()
    const server = newServer(10)
    const members = newMembers(3, server, { wire, concurrencyGate: { limit: 3 } })
    for (let i = 0; i < 30; i++) {
      const calls = members.slice(1).map((fetch) => fetch(URL_A))
      await vi.advanceTimersByTimeAsync(20)
      expect(await statuses(calls)).toEqual([200, 200])
    }
    server.most = 0
    const many = times(30, () => members[0]?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(150)
    expect(await statuses(many)).toEqual(times(30, () => 200))
    expect(server.most).toBe(3)
  })

  it('but not once a limit is announced, nor after its reset: each call is counted before it goes', async () => {
    const { server, wire, rounds } = await steady()
    // All that was answered without one is told.
    await vi.advanceTimersByTimeAsync(100)
    const headers = { 'x-ratelimit-limit': '1000', 'x-ratelimit-remaining': '900', 'x-ratelimit-reset': '1' }
    server.answering = () => new Response('{}', { headers })
    expect(await rounds(20)).toEqual(times(80, () => 200))
    wire.reports.length = 0
    expect(await rounds(120)).toEqual(times(480, () => 200))
    const told = JSON.stringify(wire.reports)
    expect(told.includes('slot')).toBe(false)
    // Those of the leader itself are told to nobody.
    expect(told.split(String.raw`\"ask\"`)).toHaveLength(3 * 120 + 1)
  })

  it('and gives it back when it is idle', async () => {
    const { wire, rounds } = await steady()
    expect(await rounds(5)).toHaveLength(20)
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect(JSON.stringify(wire.reports)).toContain('back')
    await vi.advanceTimersByTimeAsync(12 * LEASE_MS)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a refusal of one that was not asked for is looked at as any other', async () => {
    const { server, rounds, members } = await steady()
    const before = server.sent.length
    const answers = [new Response('{}', { status: 429, headers: { 'retry-after': '2' } })]
    server.answering = () => answers.shift() ?? new Response('{}')
    const call = members[3]?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(50)
    const others = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(1900)
    expect(server.sent.length - before).toBe(1)
    await vi.advanceTimersByTimeAsync(600)
    expect(await statuses([call, ...others])).toEqual(times(5, () => 200))
    expect(await rounds(2)).toHaveLength(8)
  })

  it('an error too', async () => {
    const { server, members } = await steady()
    const answers = [() => Promise.reject(new TypeError('fetch failed')), () => new Response('{}')]
    server.answering = () => answers.shift()?.() ?? new Response('{}')
    const call = members[2]?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(2000)
    expect((await call).status).toBe(200)
  })

  it('but not when another leads', async () => {
    const { server, members, wire, rounds } = await steady()
    wire.cut.add(0)
    const calls = members.slice(1).flatMap((fetch) => times(10, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS)
    expect(await statuses(calls)).toEqual(times(30, () => 200))
    wire.cut.clear()
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    server.most = 0
    expect(await rounds(5)).toHaveLength(20)
    expect(server.most).toBeLessThanOrEqual(4)
  })
})

describe('11. where all wait for places, a place is of a member for a while', () => {
  const full = (count: number, calls: number, limit = 5, tookMs = 40) => {
    const wire = newWire()
    const server = newServer(tookMs)
    const members = newMembers(count, server, { wire, concurrencyGate: { limit }, options: { leaseMs: 3 * LEASE_MS } })
    return { wire, server, members, calls: members.flatMap((fetch) => times(calls, () => fetch(URL_A))) }
  }

  it('so that a call costs less than a turn, nobody is above the ceiling, and no place is lost', async () => {
    const { wire, server, members, calls } = full(8, 40)
    await vi.advanceTimersByTimeAsync(3000)
    expect(await statuses(calls)).toEqual(times(320, () => 200))
    expect(server.most).toBe(5)
    expect(wire.turns / 320).toBeLessThan(1)
    const again = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(90)
    expect(await statuses(again)).toEqual(times(8, () => 200))
  })

  it.each([1, 5])('and within each second all have had as much, with %d places', async (limit) => {
    const { server, calls } = full(8, 50 * limit, limit, 10)
    await vi.advanceTimersByTimeAsync(3500)
    for (let from = 0; from < 2500; from += 250) {
      const shares = times(
        8,
        (by) => server.sent.filter((one) => one.by === by && one.at >= from && one.at < from + 1000).length,
      )
      const sum = shares.reduce((a, b) => a + b)
      expect(sum ** 2 / (8 * shares.reduce((a, b) => a + b * b, 0))).toBeGreaterThan(0.95)
    }
    await vi.advanceTimersByTimeAsync(1000)
    expect(await statuses(calls)).toHaveLength(400 * limit)
  })

  it('and a place that comes free is taken after a way to whoever leads, one from there, and a turn that was under way', async () => {
    const tripMs = 40
    const engine = memoryEngine()
    const way = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, tripMs / 2))
    const distant: Engine = {
      turn: async (report) => {
        await way()
        const reply = await engine.turn(report)
        await way()
        return reply
      },
      listen: (member, push) =>
        engine.listen?.(member, (...mail) => void way().then(() => push(...mail))) ?? (() => undefined),
    }
    const waits: number[] = []
    let last = { by: 0, at: NaN }
    const members = times(3, (by) =>
      aplomb({
        log: false,
        store: fleet(distant),
        concurrencyGate: { limit: 1 },
        fetch: async () => {
          if (last.by !== by) waits.push(performance.now() - last.at)
          await new Promise((resolve) => void setTimeout(resolve, 5))
          last = { by, at: performance.now() }
          return new Response('{}')
        },
      }),
    )
    const calls = members.flatMap((fetch) => times(100, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await statuses(calls)).toEqual(times(300, () => 200))
    expect(waits.length).toBeGreaterThan(10)
    expect(Math.max(...waits)).toBeLessThanOrEqual(3 * tripMs)
  })

  it('but whoever comes seldom does not wait for a round', async () => {
    const server = newServer(10)
    const members = newMembers(3, server, { concurrencyGate: { limit: 1 } })
    const [one, two, seldom] = members
    const calls = [one, two].flatMap((fetch) => times(100, () => fetch?.(URL_A) as Promise<Response>))
    const first = seldom?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(1000)
    expect((await first).status).toBe(200)
    const lone = seldom?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(35)
    expect((await lone).status).toBe(200)
    await vi.advanceTimersByTimeAsync(1500)
    expect(await statuses(calls)).toHaveLength(200)
  })

  it('and a refusal of one holds all', async () => {
    const { server, calls } = full(4, 20, 2)
    await vi.advanceTimersByTimeAsync(150)
    const answers = [new Response('{}', { status: 429, headers: { 'retry-after': '2' } })]
    server.answering = () => answers.shift() ?? new Response('{}')
    await vi.advanceTimersByTimeAsync(100)
    const before = server.sent.length
    await vi.advanceTimersByTimeAsync(1800)
    expect(server.sent).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await statuses(calls)).toEqual(times(80, () => 200))
    expect(server.most).toBe(2)
  })

  it('and an abort of what is in flight, or waits, loses no place', async () => {
    const wire = newWire()
    const server = newServer(40)
    const [one, other] = newMembers(2, server, { wire, concurrencyGate: { limit: 2 } })
    const controller = new AbortController()
    const aborted = times(10, () => other?.(`${URL_A}/aborted`, { signal: controller.signal }) as Promise<Response>)
    const all = [one, other].flatMap((fetch) => times(10, () => fetch?.(URL_A) as Promise<Response>))
    const settled = Promise.allSettled(aborted)
    await vi.advanceTimersByTimeAsync(100)
    controller.abort()
    await settled
    await vi.advanceTimersByTimeAsync(1000)
    expect(await statuses(all)).toEqual(times(20, () => 200))
    expect(server.most).toBe(2)
    const two = times(2, () => one?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(45)
    expect(await statuses(two)).toEqual([200, 200])
  })
})

describe('4. nobody acts on what it was told longer than its lease', () => {
  it('what a member that is not heard of has in flight comes free with its lease, and it sends no more', async () => {
    const wire = newWire()
    const server = newServer(10)
    const [one, other] = newMembers(2, server, { wire, concurrencyGate: { limit: 1 } })
    const begin = [one?.(URL_A), other?.(URL_A)] as Promise<Response>[]
    await vi.advanceTimersByTimeAsync(30)
    expect(await statuses(begin)).toEqual([200, 200])
    const lost = other?.(`${URL_A}/lost`) as Promise<Response>
    await vi.advanceTimersByTimeAsync(1)
    wire.cut.add(1)
    const call = one?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(20)
    const late = other?.(`${URL_A}/late`) as Promise<Response>
    await vi.advanceTimersByTimeAsync(0.8 * LEASE_MS)
    expect(server.sent.filter(({ url }) => url !== URL_A).map(({ url }) => url)).toEqual([`${URL_A}/lost`])
    await vi.advanceTimersByTimeAsync(0.5 * LEASE_MS)
    expect((await call).status).toBe(200)
    expect((await lost).status).toBe(200)
    wire.cut.clear()
    await vi.advanceTimersByTimeAsync(LEASE_MS)
    expect((await late).status).toBe(200)
  })

  it.each([
    ['a turn that was given', { 'ratelimit-limit': '100', 'ratelimit-remaining': '90', 'ratelimit-reset': '9' }],
    ['a slot that was kept', undefined],
  ])('%s before a stop of the process is not taken after it', async (_, headers) => {
    const wire = newWire()
    const server = newServer(10, () => new Response('{}', headers && { headers }))
    const [one, other] = newMembers(2, server, { wire })
    const begin = [one?.(URL_A), other?.(URL_A)] as Promise<Response>[]
    await vi.advanceTimersByTimeAsync(30)
    expect(await statuses(begin)).toEqual([200, 200])
    server.sent.length = 0
    // As for a process that was stopped, time goes on between the turn and the sending.
    const { now } = performance
    const stop = (): void => void (performance.now = () => now.call(performance) + 5 * LEASE_MS)
    if (!headers) stop()
    const call = other?.(URL_A) as Promise<Response>
    stop()
    wire.cut.add(1)
    await vi.advanceTimersByTimeAsync(0)
    expect(server.sent).toHaveLength(0)
    wire.cut.clear()
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect((await call).status).toBe(200)
    performance.now = now
  })
})

describe('5. another takes over', () => {
  it('from a leader that is not heard of, once it knows what is in flight', async () => {
    const wire = newWire()
    const server = newServer(400)
    const [one, two, three] = newMembers(3, server, { wire, concurrencyGate: { limit: 2 } })
    const begin = one?.(URL_A)
    await vi.advanceTimersByTimeAsync(500)
    expect((await begin)?.status).toBe(200)
    const calls = [two, three].flatMap((fetch) => times(5, () => fetch?.(URL_A) as Promise<Response>))
    await vi.advanceTimersByTimeAsync(900)
    wire.cut.add(0)
    server.most = 0
    await vi.advanceTimersByTimeAsync(6 * LEASE_MS)
    expect(await statuses(calls)).toEqual(times(10, () => 200))
    expect(server.most).toBe(2)
  })

  it('a hold outlives the leader that it was told of', async () => {
    const wire = newWire()
    const answers = [new Response('{}'), new Response('{}', { status: 429, headers: { 'retry-after': '9' } })]
    const server = newServer(5, () => answers.shift() ?? new Response('{}'))
    const [one, other] = newMembers(2, server, { wire })
    const begin = other?.(`${URL_A}/joins`)
    await vi.advanceTimersByTimeAsync(10)
    expect((await begin)?.status).toBe(200)
    one?.(URL_A).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    expect(server.sent).toHaveLength(2)
    wire.cut.add(0)
    const call = other?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(8500)
    expect(server.sent.filter(({ by }) => by === 1)).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2000)
    expect((await call).status).toBe(200)
  })

  it('and a call has waited for as long as it has, whoever leads', async () => {
    const wire = newWire()
    const server = newServer(10)
    const [one, two, three] = newMembers(3, server, { wire, concurrencyGate: { limit: 1, queueTimeoutMs: 5000 } })
    const begin = one?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(50)
    expect((await begin).status).toBe(200)
    server.tookMs = 20_000
    three?.(URL_A).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    const settled = vi.fn()
    void two?.(URL_A).catch(settled)
    await vi.advanceTimersByTimeAsync(3000)
    wire.cut.add(0)
    await vi.advanceTimersByTimeAsync(1990)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(20)
    expect(settled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: 'QueueTimeoutError' }))
    await vi.advanceTimersByTimeAsync(20_000)
  })
})

describe('6. an abort takes a call out of the line', () => {
  it('of whoever leads', async () => {
    const server = newServer(100)
    const [one, other] = newMembers(2, server, { concurrencyGate: { limit: 1 } })
    const first = one?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(5)
    const controller = new AbortController()
    const aborted = other?.(`${URL_A}/aborted`, { signal: controller.signal }) as Promise<Response>
    const next = other?.(`${URL_A}/next`) as Promise<Response>
    await vi.advanceTimersByTimeAsync(5)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await vi.advanceTimersByTimeAsync(300)
    expect(await statuses([first, next])).toEqual([200, 200])
    expect(server.sent.map(({ url }) => url)).toEqual([URL_A, `${URL_A}/next`])
  })

  it('and in flight gives its slot back', async () => {
    const server = newServer(10_000)
    const [one, other] = newMembers(2, server, { concurrencyGate: { limit: 1 } })
    const begin = one?.(URL_A, { signal: AbortSignal.abort() })
    await expect(begin).rejects.toThrow('aborted')
    const controller = new AbortController()
    const aborted = other?.(URL_A, { signal: controller.signal }) as Promise<Response>
    await vi.advanceTimersByTimeAsync(5)
    controller.abort()
    await expect(aborted).rejects.toThrow('aborted')
    const next = one?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(10_300)
    expect((await next).status).toBe(200)
  })
})

describe('7. without the engine each goes on with its part', () => {
  const begun = async (wire = newWire()) => {
    const server = newServer(10)
    const members = newMembers(4, server, { wire, concurrencyGate: { limit: 6 } })
    const begin = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(100)
    await Promise.all(begin)
    await vi.advanceTimersByTimeAsync(LEASE_MS)
    server.most = 0
    server.sent.length = 0
    return { server, members, wire }
  }

  it('a leader that goes on alone and leads again, by the same lease of the engine, asks the others anew', async () => {
    const wire = newWire()
    const server = newServer(100)
    const [one, other] = newMembers(2, server, { wire, concurrencyGate: { limit: 1 } })
    const begin = [one, other].map((fetch) => fetch?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(500)
    expect(await statuses(begin)).toEqual([200, 200])
    server.tookMs = 2 * LEASE_MS
    const calls = [one, other].map((fetch) => fetch?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(100)
    wire.deaf.add(0)
    await vi.advanceTimersByTimeAsync(LEASE_MS)
    wire.deaf.clear()
    await vi.advanceTimersByTimeAsync(5 * LEASE_MS)
    expect(await statuses(calls)).toEqual([200, 200])
    expect(server.most).toBe(1)
  })

  it('what it has heard of alone it tells when it comes back', async () => {
    const wire = newWire()
    const server = newServer(5)
    const [one, other] = newMembers(2, server, { wire })
    const begin = [one, other].map((fetch) => fetch?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(100)
    expect(await statuses(begin)).toEqual([200, 200])
    wire.cut.add(1)
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    const answers = [new Response('{}', { status: 429, headers: { 'retry-after': '20' } })]
    server.answering = () => answers.shift() ?? new Response('{}')
    server.sent.length = 0
    const call = other?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect(server.sent).toHaveLength(1)
    wire.cut.clear()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(server.sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await statuses([call])).toEqual([200])
  })

  it('and with the wait that it has heard of', async () => {
    const wire = newWire()
    const server = newServer(5)
    const [one, other] = newMembers(2, server, { wire })
    const begin = [one, other].map((fetch) => fetch?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(100)
    expect(await statuses(begin)).toEqual([200, 200])
    const answers = [new Response('{}', { status: 429, headers: { 'retry-after': '10' } })]
    server.answering = () => answers.shift() ?? new Response('{}')
    server.sent.length = 0
    const call = other?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(20)
    wire.down = () => new Promise(() => undefined)
    await vi.advanceTimersByTimeAsync(9900)
    expect(server.sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2000)
    expect(await statuses([call])).toEqual([200])
    expect(server.sent).toHaveLength(2)
  })

  it('of the ceiling, after a bounded time and one warning each, and returns by itself', async () => {
    const { server, members, wire } = await begun()
    wire.down = () => Promise.reject(new Error('no connection'))
    const calls = members.flatMap((fetch) => times(20, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(1.5 * LEASE_MS)
    expect(server.sent.length).toBeGreaterThan(0)
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect(await statuses(calls)).toHaveLength(80)
    // 2 + 2 + 1 + 1.
    expect(server.most).toBe(6)
    expect(warn).toHaveBeenCalledTimes(4)

    wire.down = undefined
    await vi.advanceTimersByTimeAsync(LEASE_MS)
    const [lone] = members
    server.most = 0
    const again = times(20, () => lone?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(LEASE_MS)
    expect(await statuses(again)).toHaveLength(20)
    expect(server.most).toBe(6)
    expect(warn).toHaveBeenCalledTimes(4)
  })

  it.each([
    ['does not answer', () => new Promise<never>(() => undefined)],
    ['throws', () => Promise.reject(new Error('OOM command not allowed'))],
  ])('also where it %s from the start', async (_, down) => {
    const wire = newWire()
    wire.down = down
    const server = newServer(10)
    const [fetch] = newMembers(1, server, { wire })
    const call = fetch?.(URL_A) as Promise<Response>
    await vi.advanceTimersByTimeAsync(1.5 * LEASE_MS)
    expect((await call).status).toBe(200)
  })

  it.each([0.4, 0.8, 1.5, 4])('where its replies take %d leases for a while, nobody hangs', async (leases) => {
    const { server, members, wire } = await begun()
    wire.replyMs = leases * LEASE_MS
    const calls = members.flatMap((fetch) => times(200, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(10 * LEASE_MS)
    wire.replyMs = 0
    await vi.advanceTimersByTimeAsync(10 * LEASE_MS)
    const again = members.flatMap((fetch) => times(20, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect(await statuses([...calls, ...again])).toHaveLength(880)
    expect(server.most).toBeLessThanOrEqual(6)
  })

  type Clocked = ReturnType<typeof newClockedEngine>
  const OOM = "OOM command not allowed when used memory > 'maxmemory'."
  it.each<
    [string, (wire: ReturnType<typeof newWire>, store: Clocked) => void, ((wire: ReturnType<typeof newWire>) => void)?]
  >([
    ['is flushed', (_, store) => store.forgets()],
    [
      'fails over, and the replica has nothing',
      (wire, store) => {
        store.forgets()
        wire.down = () => Promise.reject(new Error('READONLY You cannot write against a read only replica.'))
      },
      (wire) => void (wire.down = undefined),
    ],
    [
      'is out of memory',
      (wire) => void (wire.down = () => Promise.reject(new Error(OOM))),
      (wire) => void (wire.down = undefined),
    ],
    ['hangs', (wire) => void (wire.down = () => new Promise(() => undefined)), (wire) => void (wire.down = undefined)],
    [
      'answers with nonsense',
      (wire) => void (wire.down = async () => ({ epoch: 'x', mail: 7 }) as never),
      (wire) => void (wire.down = undefined),
    ],
    ['is an hour ahead', (_, store) => void (store.byMs += 3_600_000)],
    ['is set back by an hour', (_, store) => void (store.byMs -= 3_600_000)],
    [
      'is set back by an hour, and its leader is gone',
      (wire, store) => {
        store.byMs -= 3_600_000
        wire.cut.add(0)
      },
      (wire) => wire.cut.clear(),
    ],
  ])('where it %s, calls go on, and it works again by itself', async (_, happens, ends) => {
    const wire = newWire()
    const store = newClockedEngine()
    wire.engine = store.engine
    const { server, members } = await begun(wire)
    // One that is cut off goes on with its part; that is another matter.
    const calls = members.slice(1).flatMap((fetch) => times(60, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(50)
    happens(wire, store)
    const before = server.sent.length
    await vi.advanceTimersByTimeAsync(2.5 * LEASE_MS)
    expect(server.sent.length).toBeGreaterThan(before)
    ends?.(wire)
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS)
    expect(await statuses(calls)).toEqual(times(180, () => 200))
    expect(warn.mock.calls.length).toBeLessThanOrEqual(4)
    warn.mockClear()
    await vi.advanceTimersByTimeAsync(11 * LEASE_MS)
    // One that has all of the ceiling: nobody is taken for absent any more.
    const lone = members[1]
    const again = times(12, () => lone?.(URL_A) as Promise<Response>)
    await vi.advanceTimersByTimeAsync(100)
    expect(await statuses(again)).toEqual(times(12, () => 200))
    expect(server.most).toBe(6)
    expect(warn).not.toHaveBeenCalled()
  })

  it('whoever has no part waits for awayMs, then sends one at a time', async () => {
    const wire = newWire()
    const server = newServer(10)
    const members = newMembers(2, server, { wire, concurrencyGate: { limit: 1 }, options: { awayMs: 5000 } })
    const begin = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(50)
    await Promise.all(begin)
    server.sent.length = 0
    wire.down = () => Promise.reject(new Error('no connection'))
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    const calls = members.map((fetch) => fetch(URL_A))
    await vi.advanceTimersByTimeAsync(2 * LEASE_MS)
    expect(server.sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(5000)
    expect(await statuses(calls)).toEqual([200, 200])
  })

  it('what was stored may be lost: nobody goes before those who were there have told what they have', async () => {
    const { server, members, wire } = await begun()
    const calls = members.flatMap((fetch) => times(100, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(50)
    wire.down = () => Promise.reject(new Error('no connection'))
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS)
    wire.down = undefined
    wire.engine = memoryEngine()
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS)
    expect(await statuses(calls)).toHaveLength(400)
    expect(server.most).toBe(6)
  })
})

describe('13. a Durable Object as the engine', () => {
  it('carries what members say, though nothing is pushed', async () => {
    const answer = durableObject()
    const engine = durableObjectEngine(() => ({ fetch: (url, init) => answer(new Request(url, init)) }))
    const server = newServer(10)
    const members = times(3, (i) =>
      aplomb({
        fetch: server.fetchOf(i),
        log: false,
        store: fleet(engine, { leaseMs: LEASE_MS }),
        concurrencyGate: { limit: 2 },
      }),
    )
    const calls = members.flatMap((fetch) => times(4, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS)
    expect(await statuses(calls)).toEqual(times(12, () => 200))
    expect(server.most).toBe(2)
  })

  it('fails where the object does', async () => {
    const engine = durableObjectEngine(() => ({ fetch: async () => new Response('', { status: 500 }) }))
    const server = newServer(10)
    const fetch = aplomb({ fetch: server.fetchOf(0), log: false, store: fleet(engine, { leaseMs: LEASE_MS }) })
    const call = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(100)
    expect((await call).status).toBe(200)
    expect(warn).toHaveBeenCalledTimes(1)
  })
})

describe('8. what is told of a call', () => {
  it('is its method and endpoint, and of a key that is no origin, a hash', async () => {
    const wire = newWire()
    const server = newServer(5)
    const members = newMembers(2, server, { wire, key: 'sk-secret' })
    const calls = members.map((fetch) =>
      fetch('https://user.test/v1/users/9s6XKzkNRi?token=hidden', { headers: { authorization: 'Bearer hidden' } }),
    )
    await vi.advanceTimersByTimeAsync(50)
    expect(await statuses(calls)).toEqual([200, 200])
    const told = JSON.stringify(wire.reports)
    expect(told).toContain('https://user.test/v1/users/:id')
    expect(told).not.toMatch(/secret|hidden|9s6XKzkNRi/)
  })
})

describe('9. options', () => {
  it('that make no sense fail at creation', () => {
    expect(() => fleet({} as never)).toThrow('fleet: engine must be an engine, with a method turn, got object')
    expect(() => fleet(memoryEngine(), { leaseMs: 1 })).toThrow('leaseMs')
    expect(() => fleet(memoryEngine(), { lease: 1000 } as never)).toThrow('did you mean leaseMs')
    expect(() => aplomb({ store: memoryEngine() as never })).toThrow('store')
  })
})
