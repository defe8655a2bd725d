import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { aplomb } from 'aplomb'
import { commandsOf } from '../src/clients.ts'
import { type Credits, creditsOf } from '../src/credits.ts'
import { redis } from '../src/index.ts'
import { hasRedis, type RedisServer, startRedis } from '../../bench/src/fleet/redis-server.ts'
import { newClients } from './clients.ts'

const HOUR_MS = 3_600_000
const URL_A = 'https://api.test/v1/a'

describe('12. credits: each process writes all that it has added, until that has arrived', () => {
  /** A hash in memory, and what becomes of each command on the way. */
  const newStore = () => {
    const store = {
      hash: new Map<string, number>(),
      way: (async (run) => run()) as (run: () => unknown) => Promise<unknown>,
      listeners: [] as (() => void)[],
    }
    const add = (id: string, total: number): string => {
      const { hash } = store
      const mine = hash.get(id) ?? 0
      if (total > mine) {
        hash.set('sum', (hash.get('sum') ?? 0) + total - mine)
        hash.set(id, total).set(`${id} sum`, hash.get('sum') ?? 0)
      }
      return String(hash.get(`${id} sum`) ?? hash.get('sum') ?? 0)
    }
    const command = (name: string, ...args: string[]): Promise<unknown> =>
      store.way(() => (name === 'HGET' ? (store.hash.get('sum') ?? null) : add(args[3] as string, Number(args[4]))))
    const process = (): Credits => creditsOf({ command, ready: (listener) => void store.listeners.push(listener) })
    return { store, process }
  }
  afterEach(() => {
    vi.useRealTimers()
  })

  it('a write whose answer was lost counts once, and one that never arrived counts, too', async () => {
    vi.useFakeTimers()
    const { store, process } = newStore()
    const credits = process()
    await credits.add('a', 1.5, HOUR_MS)
    store.way = async (run) => {
      run()
      throw new Error('the connection is closed')
    }
    const lost = credits.add('a', 2, HOUR_MS)
    await vi.advanceTimersByTimeAsync(50)
    store.way = async () => {
      throw new Error('OOM command not allowed when used memory > maxmemory')
    }
    const refused = credits.add('a', 3, HOUR_MS)
    await vi.advanceTimersByTimeAsync(60_000)
    store.way = async (run) => run()
    await vi.advanceTimersByTimeAsync(5000)
    await Promise.all([lost, refused])
    expect(await credits.get('a')).toBe(6.5)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of those who claim a counter one is told 1, although it had to ask again', async () => {
    vi.useFakeTimers()
    const { store, process } = newStore()
    const [one, other] = [process(), process()]
    store.way = async (run) => {
      run()
      store.way = async (again) => again()
      throw new Error('the connection is closed')
    }
    const first = one.add('!80', 1, HOUR_MS)
    await vi.advanceTimersByTimeAsync(10)
    expect(await other.add('!80', 1, HOUR_MS)).toBe(2)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await first).toBe(1)
  })

  it('what Redis has lost is there again as it is back, also of those who spend nothing more', async () => {
    const { store, process } = newStore()
    const [one, other] = [process(), process()]
    await one.add('a', 10, HOUR_MS)
    await other.add('a', 5, HOUR_MS)
    store.hash.clear()
    for (const ready of store.listeners) ready()
    await vi.waitFor(async () => expect(await process().get('a')).toBe(15))
  })

  it('a thousand that wait for Redis are one write', async () => {
    vi.useFakeTimers()
    const { store, process } = newStore()
    const credits = process()
    let commands = 0
    store.way = async (run) => {
      commands++
      return run()
    }
    await Promise.all(Array.from({ length: 1000 }, () => credits.add('a', 0.001, HOUR_MS)))
    expect(commands).toBeLessThanOrEqual(2)
    expect(await credits.get('a')).toBe(1)
  })

  it('a period that is over is not waited for', async () => {
    vi.useFakeTimers()
    const { store, process } = newStore()
    store.way = async () => {
      throw new Error('away')
    }
    const added = expect(process().add('a', 1, 1000)).rejects.toThrow('over')
    await vi.advanceTimersByTimeAsync(2000)
    await added
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe.skipIf(!hasRedis)('12. credits on a real server', () => {
  let server: RedisServer
  const { ioredis, kinds, close } = newClients(() => server.url)
  let namespaces = 0
  const newNamespace = (): string => `credits-${process.pid}-${++namespaces}`
  beforeAll(async () => {
    server = await startRedis()
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
  afterAll(async () => {
    close()
    await server[Symbol.asyncDispose]()
  })

  it.each(kinds)('a threshold is told once by the fleet, and so is a 402: %s', async (_, newClient) => {
    const namespace = newNamespace()
    const alerts: string[] = []
    const answers = (i: number): Response =>
      i < 90
        ? new Response('{}', { headers: { 'x-credits-used': '1' } })
        : new Response('{"error":"payment required"}', { status: 402 })
    let sent = 0
    const members = await Promise.all(
      Array.from({ length: 4 }, async () =>
        aplomb({
          fetch: async () => answers(sent++),
          log: false,
          store: redis(await newClient(), { namespace }),
          creditMeter: { budget: 100, thresholds: [80], onAlert: ({ condition }) => void alerts.push(condition) },
        }),
      ),
    )
    for (let i = 0; i < 25; i++) await Promise.all(members.map((fetch) => fetch(URL_A)))
    expect(alerts.toSorted()).toEqual(['billing', 'threshold'])
    const credits = creditsOf(commandsOf(await newClient()), namespace)
    const month = new Date().toISOString().slice(0, 7)
    expect(await credits.get(`https://api.test|${month}`)).toBe(90)
  })

  it.skipIf(process.env['REDIS_URL'] !== undefined)(
    'the sum is exact although Redis is killed five times, and comes back empty',
    async () => {
      const own = await startRedis()
      const processes = Array.from({ length: 4 }, () => creditsOf(commandsOf(ioredis(own.url)), 'restarts'))
      const done = { is: false }
      let spent = 0
      const spend = async (credits: Credits): Promise<void> => {
        while (!done.is) {
          spent += 3
          await credits.add('a', 3, HOUR_MS)
        }
      }
      const spending = processes.flatMap((one) => [spend(one), spend(one)])
      for (let i = 0; i < 5; i++) {
        const before = spent
        await vi.waitFor(() => expect(spent).toBeGreaterThan(before + 300), { timeout: 20_000 })
        await own.kill()
        await own.start()
      }
      done.is = true
      await Promise.all(spending)
      const reader = creditsOf(commandsOf(ioredis(own.url)), 'restarts')
      await vi.waitFor(async () => expect(await reader.get('a')).toBe(spent), { timeout: 20_000 })
      await own[Symbol.asyncDispose]()
    },
  )

  it('what a process has counted is there after SIGKILL, once', async () => {
    const namespace = newNamespace()
    const children = Array.from({ length: 3 }, () =>
      fork(fileURLToPath(new URL('./spender.ts', import.meta.url)), [server.url, namespace], { stdio: 'ignore' }),
    )
    const counted = children.map(() => 0)
    const begun = children.map(() => 0)
    children.forEach((child, i) =>
      child.on('message', (message) => {
        const of = message === 'begins' ? begun : counted
        of[i] = (of[i] ?? 0) + 1
      }),
    )
    const exits = children.map((child) => once(child, 'exit'))
    for (const [i, child] of children.entries()) {
      await vi.waitFor(() => expect(counted[i]).toBeGreaterThan(50), { timeout: 20_000 })
      child.kill('SIGKILL')
    }
    await Promise.all(exits)
    const sum = (await creditsOf(commandsOf(ioredis()), namespace).get('a')) ?? 0
    const total = (all: number[]): number => all.reduce((a, b) => a + b)
    expect(sum).toBeGreaterThanOrEqual(total(counted))
    // The one that was under way, and one whose message was not read any more.
    expect(sum).toBeLessThanOrEqual(total(begun) + 2 * children.length)
  })
})
