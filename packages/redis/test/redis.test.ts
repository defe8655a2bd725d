import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { aplomb, type AplombFetch } from 'aplomb'
import { redis, redisEngine, type Report, upstash } from '../src/index.ts'
import { hasRedis, NO_REDIS, type RedisServer, startRedis } from '../../bench/src/fleet/redis-server.ts'
import { newClients } from './clients.ts'
import { newServer, URL_A } from './support.ts'

const report = (member: string, more: Partial<Report> = {}): Report => ({
  room: 'https://api.test',
  member,
  leaseMs: 60_000,
  epoch: 0,
  count: 1,
  read: 0,
  mail: [],
  leaves: false,
  ...more,
})

if (!hasRedis) console.warn(`The tests of @aplomb/redis on a real server: ${NO_REDIS}.`)

describe.skipIf(!hasRedis)('10. Redis and Valkey', () => {
  let server: RedisServer
  const { ioredis, kinds, close } = newClients(() => server.url)
  let namespaces = 0
  const newNamespace = (): string => `test-${process.pid}-${++namespaces}`

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    close()
    await server[Symbol.asyncDispose]()
  })

  describe.each(kinds)('through %s', (_, newClient) => {
    it('one leads, until it leaves; each leadership has a larger number', async () => {
      const engine = redisEngine(await newClient(), newNamespace())
      const first = await engine.turn(report('a'))
      expect(first).toMatchObject({ leader: 'a', members: ['a'], joined: true, mail: [] })
      const second = await engine.turn(report('b'))
      expect(second).toMatchObject({ leader: 'a', epoch: first.epoch, joined: true })
      expect(second.members.toSorted()).toEqual(['a', 'b'])
      await engine.turn(report('a', { epoch: first.epoch, count: 2, leaves: true }))
      const third = await engine.turn(report('b', { epoch: first.epoch, count: 2 }))
      expect(third).toMatchObject({ leader: 'b', members: ['b'], joined: false })
      expect(third.epoch).toBeGreaterThan(first.epoch)
    })

    it('mail is kept until it is read, comes once, and not from another leadership', async () => {
      const engine = redisEngine(await newClient(), newNamespace())
      const { epoch } = await engine.turn(report('a'))
      const { read } = await engine.turn(report('b'))
      const mail = [
        ['b', 'one'],
        ['b', 'two'],
        ['nobody', 'lost'],
      ] as const
      await engine.turn(report('a', { epoch, count: 2, mail }))
      await engine.turn(report('a', { epoch, count: 2, mail }))
      await engine.turn(report('a', { epoch: epoch - 1, count: 3, mail }))
      const got = await engine.turn(report('b', { epoch, count: 2, read }))
      expect(got.mail).toEqual([
        [read + 1, 'one'],
        [read + 2, 'two'],
      ])
      expect((await engine.turn(report('b', { epoch, count: 3, read: read + 1 }))).mail).toEqual([[read + 2, 'two']])
      expect((await engine.turn(report('b', { epoch, count: 4, read: read + 2 }))).mail).toEqual([])
    })

    it('mail is pushed, and whoever stops to listen is gone before its lease ends', async () => {
      const engine = redisEngine(await newClient(), newNamespace())
      const pushes: unknown[] = []
      const { epoch } = await engine.turn(report('a'))
      const { read } = await engine.turn(report('b'))
      const stop = engine.listen?.('b', (...push) => pushes.push(push))
      let count = 2
      await vi.waitFor(async () => {
        await engine.turn(report('a', { epoch, count: count++, mail: [['b', `text\n${count}`.replace('\n', ' ')]] }))
        expect(pushes.length).toBeGreaterThan(0)
      })
      expect(pushes[0]).toEqual(['https://api.test', epoch, expect.any(Number), expect.stringContaining('text')])
      expect((pushes[0] as number[])[2]).toBeGreaterThan(read)
      await engine.turn(report('a', { epoch, count: count++ }))
      stop?.()
      await vi.waitFor(
        async () => {
          const { members } = await engine.turn(report('a', { epoch, count: count++ }))
          expect(members).toEqual(['a'])
        },
        { timeout: 5000 },
      )
    })

    it('members act as one client', async () => {
      const namespace = newNamespace()
      const api = newServer(5)
      const members: AplombFetch[] = []
      for (let i = 0; i < 3; i++)
        members.push(
          aplomb({
            fetch: api.fetchOf(i),
            log: false,
            store: redis(await newClient(), { namespace }),
            concurrencyGate: { limit: 2 },
          }),
        )
      const calls = members.flatMap((fetch) => Array.from({ length: 20 }, () => fetch(URL_A)))
      const responses = await Promise.all(calls)
      expect(responses.every(({ status }) => status === 200)).toBe(true)
      expect(api.most).toBe(2)
      expect(new Set(api.sent.slice(0, 30).map(({ by }) => by)).size).toBe(3)
    })
  })

  it('a lease ends on the time of the server', async () => {
    const engine = redisEngine(ioredis(), newNamespace())
    await engine.turn(report('a', { leaseMs: 100 }))
    expect(await engine.turn(report('b'))).toMatchObject({ leader: 'a' })
    await vi.waitFor(async () => expect(await engine.turn(report('b'))).toMatchObject({ leader: 'b', members: ['b'] }))
    expect(await engine.turn(report('a'))).toMatchObject({ joined: true, leader: 'b' })
  })

  it('nothing is left behind', async () => {
    const client = ioredis()
    const namespace = newNamespace()
    const engine = redisEngine(client, namespace)
    const { epoch } = await engine.turn(report('a'))
    await engine.turn(report('b'))
    await engine.turn(report('a', { epoch, count: 2, mail: [['b', 'unread']] }))
    expect(await client.pttl(`{${namespace}:https://api.test}`)).toBeGreaterThan(60_000)
    await engine.turn(report('b', { epoch, count: 2, leaves: true }))
    await engine.turn(report('a', { epoch, count: 3, leaves: true }))
    expect(await client.keys(`*${namespace}*`)).toEqual([])
  })

  it('over HTTP, as Upstash has it', async () => {
    const client = ioredis()
    const asked: string[] = []
    const rest = async (_url: unknown, init?: RequestInit): Promise<Response> => {
      const [name = '', ...args] = JSON.parse(init?.body as string) as string[]
      asked.push(`${new Headers(init?.headers).get('authorization')} ${name}`)
      try {
        return Response.json({ result: await client.call(name, ...args) })
      } catch (error) {
        return Response.json({ error: (error as Error).message }, { status: 400 })
      }
    }
    const namespace = newNamespace()
    const api = newServer(5)
    await client.script('FLUSH')
    const members = [0, 1].map((i) =>
      aplomb({
        fetch: api.fetchOf(i),
        log: false,
        store: upstash({ url: 'https://db.test', token: 'secret', fetch: rest, namespace, leaseMs: 1000 }),
        concurrencyGate: { limit: 2 },
      }),
    )
    const responses = await Promise.all(members.flatMap((fetch) => Array.from({ length: 5 }, () => fetch(URL_A))))
    expect(responses.every(({ status }) => status === 200)).toBe(true)
    expect(api.most).toBe(2)
    expect(asked).toContain('Bearer secret EVAL')
    expect(asked.at(-1)).toBe('Bearer secret EVALSHA')
    expect(() => upstash({ url: 'db.test', token: 'secret' })).toThrow('upstash: url must be the URL of a database')
  })

  it('rejects what is no client, and names that would break a cluster', () => {
    expect(() => redis({} as never)).toThrow('redis: client must be a client of ioredis or redis')
    expect(() => redis(ioredis(), { namespace: 'a{b}' })).toThrow('namespace')
  })

  it.skipIf(process.env['REDIS_URL'] !== undefined)(
    'calls go on while it is away, and what is in flight never exceeds the ceiling as it comes back empty',
    async () => {
      const own = await startRedis()
      const namespace = newNamespace()
      const api = newServer(5)
      vi.spyOn(console, 'warn').mockReturnValue()
      const members = [0, 1, 2].map((i) => {
        return aplomb({
          fetch: api.fetchOf(i),
          log: false,
          store: redis(ioredis(own.url), { namespace, leaseMs: 600 }),
          concurrencyGate: { limit: 5 },
        })
      })
      await Promise.all(members.map((fetch) => fetch(URL_A)))
      const working = { goes: true }
      let answered = 0
      const work = async (fetch: AplombFetch): Promise<void> => {
        while (working.goes) {
          expect((await fetch(URL_A)).status).toBe(200)
          answered++
        }
      }
      const works = members.flatMap((fetch) => Array.from({ length: 4 }, () => work(fetch)))
      const more = async (): Promise<void> => {
        const before = answered
        await vi.waitFor(() => expect(answered).toBeGreaterThan(before + 100), { timeout: 20_000 })
      }
      for (let i = 0; i < 2; i++) {
        await more()
        await own.kill()
        // What was let through before is soon used up.
        await more()
        await own.start()
        const looking = ioredis(own.url)
        await vi.waitFor(async () => expect(await looking.keys('*')).toHaveLength(1), { timeout: 20_000 })
        looking.disconnect()
      }
      await more()
      working.goes = false
      await Promise.all(works)
      await own[Symbol.asyncDispose]()
      expect(api.most).toBeLessThanOrEqual(5)
    },
  )
})
