import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { classify } from '@aplomb/classify'
import { createFetch, middleware, type AlertEvent } from '@aplomb/pipeline'
import { respond, type MockApi } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { BudgetExceededError, creditMeter, limiterStore, memoryStore, type CreditStore } from '../src/index.ts'
import { meteredApi, type Metered } from './fixtures/api.ts'
import { sqliteLimiter } from './fixtures/sqlite.ts'
import { costs, KEY, pipelineOf, URL_A } from './helpers.ts'

const memoryLimiter = () => new RateLimiterMemory({ points: 1, duration: 1 })

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credits-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('9. a store is shared by all meters that use it', () => {
  test.each([
    ['memoryStore', () => memoryStore()],
    ['RateLimiterMemory', memoryLimiter],
  ])('%s', async (_, make) => {
    const store = make()
    const [one, other] = [creditMeter({ budget: 100, store }), creditMeter({ budget: 100, store })]
    await pipelineOf(one, respond(costs(2.5))).fetch(URL_A)
    await pipelineOf(other, respond(costs(4))).fetch(URL_A)
    expect(other.usage(KEY)).toMatchObject({ spent: 6.5, left: 93.5, attempts: 1 })
    expect((await one.refresh(KEY)).endpoints[0]).toMatchObject({ spent: 6.5 })
  })

  test('what costs nothing is not written', async () => {
    const store = memoryStore()
    const add = vi.spyOn(store, 'add')
    const { fetch } = pipelineOf(creditMeter({ budget: 100, store }), respond(costs(0), costs(1)))
    await fetch(URL_A)
    expect(add).not.toHaveBeenCalled()
    await fetch(URL_A)
    expect(add).toHaveBeenCalled()
  })

  test('SQLite, also after the process has ended', async () => {
    const path = join(folder, 'credits.db')
    const before = await sqliteLimiter(path)
    const { fetch } = pipelineOf(creditMeter({ budget: 10, store: before.limiter }), respond(costs(1.001), costs(2)))
    await fetch(URL_A)
    await fetch(URL_A)
    before.close()

    const after = await sqliteLimiter(path)
    const meter = creditMeter({ budget: 10, store: after.limiter })
    expect(meter.usage(KEY).spent).toBe(0)
    expect(await meter.refresh(KEY, ['/v1/lookup/:id'])).toMatchObject({
      spent: 3.001,
      left: 6.999,
      endpoints: [{ endpoint: '/v1/lookup/:id', spent: 3.001, attempts: 0 }],
    })
    after.close()
  })

  test('each threshold alerts once for all of them, also across restarts', async () => {
    const store = memoryLimiter()
    const alerts: (number | undefined)[] = []
    const start = () => creditMeter({ budget: 10, store, onAlert: ({ threshold }) => alerts.push(threshold) })
    for (let i = 0; i < 12; i++) await pipelineOf(start(), respond(costs(1))).fetch(URL_A)
    await vi.waitFor(() => expect(alerts).toEqual([80, 100]))
  })

  test('and those who listen to the call hear of it', async () => {
    const heard: string[] = []
    const listening = middleware('listening', async (request, next, call) => {
      const stop = call.on(
        ({ type, ...event }) => void (type === 'alert' && heard.push((event as AlertEvent).condition)),
      )
      return next(request).finally(stop)
    })
    const broke = { status: 402, ...costs(0) }
    const inner = respond(costs(8))
    const meter = creditMeter({ budget: 10, stopAt: 90, store: memoryLimiter(), thresholds: [80, 90] })
    const fetch = createFetch([listening, meter, classify()], { fetch: inner })
    await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
    const other = creditMeter({ store: memoryLimiter() })
    await createFetch([listening, other, classify()], { fetch: respond(broke) })(URL_A)
    expect(heard).toEqual(['threshold', 'threshold', 'billing'])
  })

  test('stopAt counts what others spent before the first call', async () => {
    const store = memoryLimiter()
    await pipelineOf(creditMeter({ store }), respond(costs(10))).fetch(URL_A)
    const meter = creditMeter({ budget: 10, stopAt: 100, store })
    const inner = respond()
    await expect(pipelineOf(meter, inner).fetch(URL_A)).rejects.toThrow(BudgetExceededError)
    expect(inner.calls).toBe(0)
  })
})

describe('10. a store that fails stops nobody', () => {
  test('what it missed is counted here, and written once it works', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const counters = memoryStore()
    let isAway = true
    const check = () => {
      if (isAway) throw new Error('away')
    }
    const store: CreditStore = {
      add: async (...args) => (check(), counters.add(...args)),
      get: async (name) => (check(), counters.get(name)),
    }
    const meter = creditMeter({ store, budget: 100 })
    const { fetch } = pipelineOf(meter, respond({ ...costs(3), times: 3 }))
    await fetch(URL_A)
    await fetch(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 6, left: 94 })
    isAway = false
    await fetch(URL_A)
    expect(meter.usage().spent).toBe(9)
    const fresh = creditMeter({ store })
    expect((await fresh.refresh(KEY)).spent).toBe(9)
    expect(report).toHaveBeenCalledOnce()
  })

  test('limiterStore checks its option', () => {
    expect(() => limiterStore(memoryLimiter(), { pointsPerCredit: 0.5 })).toThrow(RangeError)
  })
})

/** A server that can be told to answer no more. */
const serveApi = async (metered: Metered) => {
  const { api } = metered
  const state = { served: Infinity, waiting: 0 }
  const open: MockApi['open'] = (request) => {
    if (state.served-- > 0) return api.open(request)
    state.waiting++
    return { answer: new Promise<never>(() => undefined), leave: () => undefined }
  }
  const { url: origin, close } = await serve({ ...api, open })
  return { origin, state, close }
}

interface Report {
  readonly spent: number
  readonly endpoints: Readonly<Record<string, number>>
}

/** A process that makes calls; with what it says. */
const startWorker = (...args: readonly (string | number)[]) => {
  const file = fileURLToPath(new URL('fixtures/worker.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // A test that fails half-way leaves none at work.
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const said = (): Record<string, unknown>[] => {
    const lines = output.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  const listed = (what: string): number[] => said().flatMap((one) => (what in one ? [one[what] as number] : []))
  return {
    ended,
    alerts: () => listed('alert'),
    /** What the answers cost that were handed over. */
    handed: () => listed('handed'),
    report: async (): Promise<Report> => (await ended, said().at(-1) as unknown as Report),
    kill: () => child.kill('SIGKILL'),
  }
}

const LANES = 8
const DEEP = Boolean(process.env['DEEP'])

describe('11. a durable store is exact', () => {
  test('an answer is handed over when the store has its cost, not before', async () => {
    vi.useFakeTimers()
    const counters = memoryStore()
    const store: CreditStore = {
      add: async (...args) => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        return counters.add(...args)
      },
      get: (name) => counters.get(name),
    }
    const { fetch } = pipelineOf(creditMeter({ store }), respond(costs(3)))
    let handed = false
    const call = fetch(URL_A).then(() => (handed = true))
    await vi.advanceTimersByTimeAsync(299)
    expect(handed).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await call
    expect((await creditMeter({ store }).refresh(KEY)).spent).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  test('after kill -9 in the middle of a run, and a restart; each threshold alerts once in all', async () => {
    const metered = meteredApi(false, ['500', '503', 'truncate'])
    const { origin, state, close } = await serveApi(metered)
    const path = join(folder, 'credits.db')
    state.served = 300
    // 80 % are reached before it, 95 and 100 after.
    const victim = startWorker(origin, path, 3500, 0, 10_000, LANES)
    await vi.waitFor(() => expect(state.waiting).toBe(LANES), { timeout: 20_000, interval: 20 })
    victim.kill()
    await victim.ended
    const before = metered.api.stats().creditsSpent
    expect(before).toBeGreaterThan(0.8 * 3500)
    expect(before).toBeLessThan(0.95 * 3500)
    const atKill = await startWorker(origin, path, 3500, 0, 0).report()
    expect(atKill).toEqual({ spent: before, endpoints: metered.books() })

    state.served = Infinity
    const second = startWorker(origin, path, 3500, 300, 100, LANES)
    expect(await second.report()).toEqual({ spent: metered.api.stats().creditsSpent, endpoints: metered.books() })
    expect(metered.api.stats().creditsSpent).toBeGreaterThan(3500)
    expect([...victim.alerts(), ...second.alerts()]).toEqual([80, 95, 100])
    await close()
  }, 120_000)

  test('wherever the kill -9 hits: no answer that was handed over is missing, none counts twice', async () => {
    const metered = meteredApi(false, ['500', '503', 'truncate'])
    const { origin, close } = await serveApi(metered)
    const path = join(folder, 'credits.db')
    const { api } = metered
    /** Charged by the server, but the process was killed before it had the answer, or while it wrote that down. */
    let unheard = 0
    for (let round = 0; round < (DEEP ? 8 : 2); round++) {
      const had = api.stats().creditsSpent
      const { requests } = api.stats()
      const stored = (await startWorker(origin, path, 1e6, 0, 0).report()).spent
      expect(stored).toBe(had - unheard)
      const victim = startWorker(origin, path, 1e6, 0, 1e6, LANES)
      const isFar = (): void => expect(api.stats().requests).toBeGreaterThan(requests + 150 + 37 * round)
      await vi.waitFor(isFar, { timeout: 20_000, interval: 5 })
      victim.kill()
      await victim.ended
      await vi.waitFor(() => expect(api.stats().inFlight).toBe(0))
      const { spent } = await startWorker(origin, path, 1e6, 0, 0).report()
      const handed = victim.handed().reduce((sum, cost) => sum + cost, 0)
      const counted = spent - stored
      const charged = api.stats().creditsSpent - had
      expect(victim.handed().length).toBeGreaterThan(100)
      expect(counted).toBeGreaterThanOrEqual(handed)
      expect(counted).toBeLessThanOrEqual(charged)
      // No more than were in flight, at 20 credits at most.
      expect(charged - handed).toBeLessThanOrEqual(LANES * 20)
      unheard += charged - counted
    }
    await close()
  }, 120_000)

  test('with 8 processes on it, and each threshold alerts in one of them', async () => {
    const metered = meteredApi(false, ['500', '503', 'truncate'])
    const { origin, close } = await serveApi(metered)
    const path = join(folder, 'credits.db')
    ;(await sqliteLimiter(path)).close()
    const each = DEEP ? 1250 : 200
    const workers = Array.from({ length: 8 }, (_, i) => startWorker(origin, path, each * 30, i * each, each, 4))
    await Promise.all(workers.map(({ ended }) => ended))
    const last = await startWorker(origin, path, each * 30, 0, 0).report()
    expect(metered.api.stats().requests).toBeGreaterThan(8 * each * 1.05)
    expect(last).toEqual({ spent: metered.api.stats().creditsSpent, endpoints: metered.books() })
    expect(metered.api.stats().creditsSpent).toBeGreaterThan(each * 30)
    const alerts = workers.flatMap((one) => one.alerts())
    expect(alerts.toSorted((a, b) => a - b)).toEqual([80, 95, 100])
    await close()
  }, 120_000)
})
