import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter, limiterStore, memoryStore, type CreditStore } from '../src/index.ts'
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
    await vi.waitFor(() => expect(alerts).toEqual([80, 95, 100]))
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

  test('one that never answers delays a call by a second at most, and an abort ends that', async () => {
    vi.useFakeTimers()
    const hanging = new Promise<never>(() => undefined)
    const meter = creditMeter({ store: { add: () => hanging, get: () => hanging }, budget: 100 })
    const { fetch } = pipelineOf(meter, respond({ ...costs(3), times: 2 }))
    const call = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(1000)
    await call
    expect(meter.usage().spent).toBe(3)
    const controller = new AbortController()
    const aborted = fetch(URL_A, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(10)
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  test('limiterStore checks its option', () => {
    expect(() => limiterStore(memoryLimiter(), { pointsPerCredit: 0.5 })).toThrow(RangeError)
  })
})

/** An API that charges 1 for odd and 0.25 for even, and leaves every request after `served` without an answer. */
const serveApi = async () => {
  const spent = { odd: 0, even: 0 }
  const state = { served: Infinity, waiting: 0 }
  const server = createServer((request, response) => {
    if (state.served-- <= 0) {
      state.waiting++
      return
    }
    const kind = request.url?.includes('odd') ? 'odd' : 'even'
    const cost = kind === 'odd' ? 1 : 0.25
    spent[kind] += cost
    response.writeHead(200, { 'x-credits-charged': cost }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => server.close().closeAllConnections()
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spent, state, close }
}

interface Report {
  readonly spent: number
  readonly endpoints: readonly { endpoint: string; spent: number }[]
  readonly alerts: readonly number[]
}

const startWorker = (...args: readonly (string | number)[]) => {
  const file = fileURLToPath(new URL('fixtures/worker.ts', import.meta.url))
  const child = spawn(process.execPath, [file, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    ended,
    report: async (): Promise<Report> => (await ended, JSON.parse(output) as Report),
    kill: () => child.kill('SIGKILL'),
  }
}

describe('11. a durable store is exact', () => {
  test('after kill -9 in the middle of a run, and a restart', async () => {
    const { origin, spent, state, close } = await serveApi()
    const path = join(folder, 'credits.db')
    state.served = 300
    const victim = startWorker(origin, path, 10_000, 8)
    await vi.waitFor(() => expect(state.waiting).toBe(8), { timeout: 20_000, interval: 20 })
    victim.kill()
    await victim.ended
    state.served = Infinity
    const report = await startWorker(origin, path, 100, 8).report()
    expect(spent.odd + spent.even).toBeGreaterThan(200)
    expect(report.spent).toBe(spent.odd + spent.even)
    expect(report.endpoints).toMatchObject([
      { endpoint: '/v1/odd/:id', spent: spent.odd },
      { endpoint: '/v1/even/:id', spent: spent.even },
    ])
    close()
  }, 30_000)

  test('with 8 processes on it, and each threshold alerts in one of them', async () => {
    const { origin, spent, close } = await serveApi()
    const path = join(folder, 'credits.db')
    ;(await sqliteLimiter(path)).close()
    const reports = await Promise.all(Array.from({ length: 8 }, () => startWorker(origin, path, 200, 4).report()))
    const last = await startWorker(origin, path, 0).report()
    expect(spent).toEqual({ odd: 800, even: 200 })
    expect(last.spent).toBe(1000)
    expect(last.endpoints).toMatchObject([{ spent: 800 }, { spent: 200 }])
    expect(reports.flatMap(({ alerts }) => alerts).toSorted((a, b) => a - b)).toEqual([80, 95, 100])
    close()
  }, 30_000)
})
