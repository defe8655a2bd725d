import { aplomb, backoffJitter, concurrencyGate, creditMeter, log, middleware, retryAfter, verdictOf } from 'aplomb'
import type { Verdict } from '@aplomb/pipeline'
import ky2, { type KyInstance, type Options } from 'ky'
import ky1 from 'ky-1'
import { describe, expect, it, vi } from 'vitest'
import { kyHooks, SentAgainError } from '../src/index.ts'
import { type Answer, never, type Server, serverOf } from './support/server.ts'
import { listeners, outcomeOf, settled, useFakeTime } from './support/time.ts'
import { hooksOf, type Seen, VERSIONS } from './support/versions.ts'

const ORIGIN = 'https://api.test'
const URL_OF = `${ORIGIN}/v1/items`

const refusal = (headers: Record<string, string> = {}, status = 429) => new Response('no', { status, headers })
const tooMany = (): Response => refusal({ 'x-concurrent-threads': '3', 'x-concurrent-threads-active': '3' })

/** When each request came, in milliseconds. */
const timed = (server: Server): Server & { readonly times: number[] } => {
  const zero = performance.now()
  const times: number[] = []
  const fetch = ((input, init) => {
    times.push(Math.round(performance.now() - zero))
    return server(input, init)
  }) as Server
  return Object.assign(fetch, { served: server.served, times })
}

useFakeTime()

describe.each(VERSIONS)('kyHooks() of ky %s', (_, ky, major) => {
  const setup = (
    script: readonly Answer[],
    given: Parameters<typeof kyHooks>[0] = { backoffJitter: { jitter: 'none' } },
    more: Options = {},
  ) => {
    const server = timed(serverOf(...script))
    const api: KyInstance = ky.create({ fetch: server, hooks: kyHooks(given), ...more })
    return { server, api }
  }
  const hooked = (hooks: Parameters<typeof hooksOf>[1]): Options => ({ hooks: hooksOf(major, hooks) })

  describe('2. a request that failed goes the way of ky, whether and when is for the middlewares', () => {
    it('a 429 waits for the time that it names, for all calls', async () => {
      const { server, api } = setup([refusal({ 'retry-after': '2' })])
      const first = api.get(URL_OF)
      await vi.advanceTimersByTimeAsync(100)
      const second = api.get(URL_OF)
      await settled(Promise.all([first, second]))
      expect(server.times).toHaveLength(3)
      expect(Math.min(...server.times.slice(1))).toBeGreaterThanOrEqual(2000)
    })

    it('a 402 is thrown at once', async () => {
      const { server, api } = setup([402])
      const error = await outcomeOf(api.get(URL_OF))
      expect(error).toMatchObject({ name: 'HTTPError', verdict: { kind: 'billing' } })
      expect(server.times).toEqual([0])
    })

    it('the delays are those of backoff-jitter, and none of ky comes on top', async () => {
      const delay = vi.fn(() => 5000)
      const jitter = vi.fn(() => 5000)
      const options = { backoffJitter: { jitter: 'none', baseMs: 100 } } as const
      const alone = timed(serverOf(500, 500))
      await settled(aplomb({ ...options, fetch: alone })(URL_OF))
      const { server, api } = setup([500, 500], options)
      await settled(api.get(URL_OF, { retry: { delay, jitter } }))
      expect(server.times).toEqual(alone.times)
      expect(delay).not.toHaveBeenCalled()
      expect(jitter).not.toHaveBeenCalled()
    })
  })

  describe('3. where no middleware sends again', () => {
    it('the rules of ky decide, with its delays', async () => {
      const { server, api } = setup([503, 500], [concurrencyGate()], { retry: { delay: (n) => n * 700 } })
      await settled(api.get(URL_OF))
      expect(server.times).toEqual([0, 700, 2100])
    })

    it('but never for what the verdict calls hopeless', async () => {
      const hopeless = () => refusal({ 'x-should-retry': 'false' }, 503)
      const { server, api } = setup([hopeless], [concurrencyGate()])
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'HTTPError' })
      expect(server.times).toHaveLength(1)
    })

    it('nor after a middleware has given up', async () => {
      const { server, api } = setup([refusal({ 'retry-after': '90' })], [retryAfter()])
      const error = await outcomeOf(api.get(URL_OF))
      expect(error).toMatchObject({ verdict: { kind: 'rate-limited' } })
      expect(server.times).toHaveLength(1)
    })
  })

  describe('4. every request passes the door', () => {
    it('no more are out than the gate allows, whoever sends them', async () => {
      let out = 0
      let most = 0
      const slow = async (): Promise<Response> => {
        most = Math.max(most, ++out)
        await new Promise((resolve) => setTimeout(resolve, 50))
        out--
        return new Response('{}', { status: out % 2 ? 500 : 200 })
      }
      const script = Array.from({ length: 60 }, () => slow)
      const { api } = setup(script, { concurrencyGate: { limit: 2 } })
      let forced = 0
      const again = hooked({
        afterResponse: ({ retryCount }) => (retryCount === 0 && forced++ < 5 ? ky.retry() : undefined),
      })
      await settled(Promise.allSettled(Array.from({ length: 12 }, () => api.get(URL_OF, again))))
      expect(forced).toBeGreaterThanOrEqual(5)
      expect(most).toBe(2)
    })

    it('log, meter and middlewares of yours see every answer and every failure, once', async () => {
      const seen: unknown[] = []
      const mine = middleware('mine', async (request, next) => {
        try {
          const response = await next(request)
          seen.push(response.status)
          return response
        } catch (error) {
          seen.push((error as Error).message)
          throw error
        }
      })
      const meter = creditMeter({ cost: 1 })
      const records: unknown[] = []
      const logger = {
        debug: () => undefined,
        info: (record: { event: string; status?: number }) => records.push(record),
      }
      const sink = { ...logger, warn: logger.info, error: logger.info }
      const { api } = setup([500, new TypeError('fetch failed'), 200, 200], {
        log: { sink },
        creditMeter: meter,
        use: [mine],
      })
      const again = hooked({ afterResponse: ({ retryCount }) => (retryCount === 2 ? ky.retry() : undefined) })
      await settled(api.get(URL_OF, { retry: { limit: 5 }, ...again }))
      expect(seen).toEqual([500, 'fetch failed', 200, 200])
      expect(meter.usage(ORIGIN)?.spent).toBe(4)
      expect(records.filter((one) => (one as { event: string }).event === 'attempt')).toHaveLength(4)
    })

    it('a budget that is spent refuses before anything is sent, and ky does not retry that', async () => {
      const { server, api } = setup([], { creditMeter: { cost: 1, budget: 1, stopAt: 100 } as never })
      await settled(api.get(URL_OF))
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'BudgetExceededError' })
      expect(server.times).toHaveLength(1)
    })

    it('waiting for a turn is outside of the time-out of ky', async () => {
      const slow = (): Promise<Response> => new Promise((resolve) => setTimeout(() => resolve(new Response('{}')), 80))
      const { api } = setup([slow, slow, slow], { concurrencyGate: { limit: 1 } }, { timeout: 100 })
      const all = await settled(Promise.all([1, 2, 3].map(() => api.get(URL_OF))))
      expect(all.map(({ status }) => status)).toEqual([200, 200, 200])
    })
  })

  describe('5. retry.limit counts failures', () => {
    it.each([
      [0, 1],
      [1, 2],
      [5, 4],
    ])('with a limit of %d a call that fails is sent %d times: maxAttempts is 4', async (limit, sent) => {
      const { server, api } = setup([500, 500, 500, 500, 500, 500], undefined, { retry: { limit } })
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'HTTPError' })
      expect(server.times).toHaveLength(sent)
    })

    it('also of answers that name a wait', async () => {
      const { server, api } = setup(
        Array.from({ length: 6 }, () => () => refusal({ 'retry-after': '1' })),
        undefined,
        { retry: 1 },
      )
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'HTTPError' })
      expect(server.times).toHaveLength(2)
    })

    it('what the door sends again does not count, and the limit rises with it', async () => {
      const limits: unknown[] = []
      let refused = 0
      // Full of others whenever this one comes, though they are served.
      const answer = async (request: Request): Promise<Response> => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return request.url.endsWith('/busy') && refused++ < 5 ? tooMany() : new Response('{}')
      }
      const { api } = setup(
        Array.from({ length: 200 }, () => answer),
        undefined,
        { retry: { limit: 1 } },
      )
      const seen = hooked({
        beforeRetry: ({ options, retryCount }) => void limits.push([retryCount, options.retry.limit]),
        afterResponse: ({ options, response }) => void (response.ok && limits.push(options.retry.limit)),
      })
      const busy = api.get(`${ORIGIN}/busy`, seen)
      const others = Array.from({ length: 60 }, async (__, i) => {
        await new Promise((resolve) => setTimeout(resolve, i * 10))
        return api.get(URL_OF)
      })
      const all = await settled(Promise.all([busy, ...others]))
      expect(all.every(({ ok }) => ok)).toBe(true)
      expect(refused).toBe(6)
      // None of the five counts, as others were served: the limit of 1 has risen by five.
      expect(limits).toEqual([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], 6])
    })

    it('ky.retry() is bounded by it, beside what the door has sent', async () => {
      const { server, api } = setup([500], undefined, { retry: { limit: 2 } })
      const again = hooked({ afterResponse: ({ response }) => (response.ok ? ky.retry() : undefined) })
      expect(await outcomeOf(api.get(URL_OF, again))).toMatchObject({ name: 'ForceRetryError' })
      expect(server.times).toHaveLength(3)
    })
  })

  describe('6. the verdict', () => {
    it('is on the response, on its clones in hooks, and on theirs', async () => {
      const found: Verdict[] = []
      const { api } = setup([
        refusal({ 'x-ratelimit-remaining': '7', 'x-ratelimit-limit': '9', 'x-ratelimit-reset': '5' }, 200),
      ])
      const response = await settled(
        api.get(
          URL_OF,
          hooked({ afterResponse: ({ response: one }) => void found.push(verdictOf(one), verdictOf(one.clone())) }),
        ),
      )
      expect(verdictOf(response).limits.windows).toMatchObject([{ remaining: 7 }])
      expect(found).toEqual([verdictOf(response), verdictOf(response)])
    })

    it('is on the HTTPError, with retryAt', async () => {
      const { api } = setup([refusal({ 'retry-after': '90' })])
      const errors: unknown[] = []
      const seen = hooked({
        beforeError: ({ error }) => {
          errors.push(Object.assign({}, error))
          return error
        },
      })
      const error = await outcomeOf(api.get(URL_OF, seen))
      expect(error).toMatchObject({
        name: 'HTTPError',
        retryAt: new Date(Date.now() + 90_000),
        verdict: { kind: 'rate-limited', retryAfterMs: 90_000 },
      })
      expect(errors).toMatchObject([{ verdict: { kind: 'rate-limited' } }])
    })

    it('is on the error of each retry', async () => {
      const kinds: unknown[] = []
      const { api } = setup([503, 500])
      await settled(
        api.get(
          URL_OF,
          hooked({
            beforeRetry: ({ error }) => void kinds.push((error as never as { verdict: Verdict }).verdict.kind),
          }),
        ),
      )
      expect(kinds).toEqual(['overloaded', 'server-error'])
    })
  })

  describe('7. what middlewares change reaches ky', () => {
    it('headers, beside those that hooks change for a retry', async () => {
      const stamp = middleware('stamp', (request, next, call) => {
        request.headers.set('x-attempt', String(call.attempt + 1))
        request.headers.delete('x-gone')
        return next(request)
      })
      const { server, api } = setup([500], { use: [stamp] }, { headers: { authorization: 'one', 'x-gone': '1' } })
      await settled(
        api.get(URL_OF, hooked({ beforeRetry: ({ request }) => request.headers.set('authorization', 'two') })),
      )
      expect(server.served.map(({ headers }) => headers)).toEqual([
        { authorization: 'one', 'x-attempt': '1' },
        { authorization: 'two', 'x-attempt': '2' },
      ])
    })

    it.each([
      ['text', 'body'],
      ['stream', undefined],
    ])('another Request, with the body of the first: %s', async (kind, body) => {
      const move = middleware('move', (request, next) => next(new Request(`${ORIGIN}/other`, request)))
      const { server, api } = setup([], { use: [move] })
      await settled(api.post(URL_OF, { body: body ?? new Blob([kind]).stream(), headers: { 'x-a': '1' } }))
      expect(server.served).toMatchObject([
        { method: 'POST', url: `${ORIGIN}/other`, body: body ?? kind, headers: { 'x-a': '1' } },
      ])
    })

    it('an answer of their own, in place of any request', async () => {
      const cache = middleware('cache', async () => Response.json('cached'))
      const { server, api } = setup([], [cache])
      expect(await settled(api.get(URL_OF).json())).toBe('cached')
      expect(server.times).toEqual([])
    })

    it('an answer in place of that of the server', async () => {
      const other = middleware('other', async (request, next) => {
        await next(request)
        return Response.json('other')
      })
      const { server, api } = setup([], [other])
      expect(await settled(api.get(URL_OF).json())).toBe('other')
      expect(server.times).toHaveLength(1)
    })
  })

  describe('8. no turn is kept by a call that is over', () => {
    /** Whether a gate of one still lets calls through, at once and `afterMs` later. */
    const check = async (
      script: readonly Answer[],
      run: (api: KyInstance) => Promise<unknown>,
      { afterMs = 0 } = {},
    ): Promise<void> => {
      const gate = concurrencyGate({ limit: 1 })
      const { api } = setup(script, { backoffJitter: { jitter: 'none' }, concurrencyGate: gate })
      await run(api)
      await vi.advanceTimersByTimeAsync(afterMs)
      expect(gate.stats(ORIGIN)).toMatchObject({ active: 0, queued: 0 })
      expect((await settled(api.get(URL_OF))).status).toBe(200)
      expect(vi.getTimerCount()).toBe(0)
    }

    it('aborted while it waits, backs off, or is under way', async () => {
      const { signal } = new AbortController()
      for (const [script, ms] of [
        [[never], 10],
        [[500], 100],
        [[refusal({ 'retry-after': '5' })], 100],
      ] as const) {
        const controller = new AbortController()
        const reason = new Error('mine')
        // What was sent and aborted ends at the server a little later.
        await check(script, async (api) => {
          const call = outcomeOf(api.get(URL_OF, { signal: controller.signal }))
          await vi.advanceTimersByTimeAsync(ms)
          controller.abort(reason)
          expect(await call).toBe(reason)
          await vi.advanceTimersByTimeAsync(0)
          expect(listeners(controller.signal)).toBe(listeners(signal))
          await vi.advanceTimersByTimeAsync(5000)
        })
      }
    })

    it('aborted while it backs off after a time-out of ky', () => {
      const controller = new AbortController()
      return check(
        [never],
        async (api) => {
          const retry = { retryOnTimeout: true }
          const call = outcomeOf(api.get(URL_OF, { timeout: 50, retry, signal: controller.signal }))
          await vi.advanceTimersByTimeAsync(500)
          controller.abort('mine')
          await vi.advanceTimersByTimeAsync(1)
          expect(listeners(controller.signal)).toBe(0)
          expect(await call).toBe('mine')
        },
        { afterMs: 3000 },
      )
    })

    it("aborted by a time limit of its caller's own, for which nothing is sent again", async () => {
      const reason = new DOMException('too late', 'TimeoutError')
      const controller = new AbortController()
      const { api, server } = setup([never])
      const call = outcomeOf(api.get(URL_OF, { retry: { retryOnTimeout: true }, signal: controller.signal }))
      await vi.advanceTimersByTimeAsync(50)
      controller.abort(reason)
      expect(await call).toBe(reason)
      expect(vi.getTimerCount()).toBe(0)
      expect(server.times).toHaveLength(1)
    })

    it('aborted in line, behind another one, at once', () =>
      check([() => new Promise((resolve) => setTimeout(() => resolve(new Response()), 1000))], async (api) => {
        const first = api.get(URL_OF)
        await vi.advanceTimersByTimeAsync(0)
        const controller = new AbortController()
        const errors: unknown[] = []
        const second = api.get(URL_OF, { signal: controller.signal }).catch((error: unknown) => errors.push(error))
        await vi.advanceTimersByTimeAsync(10)
        controller.abort('mine')
        await vi.advanceTimersByTimeAsync(0)
        expect(errors).toEqual(['mine'])
        await second
        await settled(first)
      }))

    it('failed, with a body that is a stream and retry: 0', () =>
      check([new TypeError('fetch failed')], async (api) => {
        const body = new Blob(['streamed']).stream()
        expect(await outcomeOf(api.post(URL_OF, { body, retry: 0 }))).toBeInstanceOf(Error)
      }))

    it('answered, where a hook before ours sends again', async () => {
      const gate = concurrencyGate({ limit: 1 })
      const server = serverOf(200, 201)
      const again = hooked({ afterResponse: ({ retryCount }) => (retryCount === 0 ? ky.retry() : undefined) })
      const api = ky.create({ fetch: server, ...again }).extend({ hooks: kyHooks([gate]) })
      expect((await settled(api.get(URL_OF))).status).toBe(201)
      expect(gate.stats(ORIGIN)).toMatchObject({ active: 0, queued: 0 })
    })

    it('timed out by ky', () =>
      check([never], async (api) =>
        expect(await outcomeOf(api.get(URL_OF, { timeout: 50 }))).toMatchObject({ name: 'TimeoutError' }),
      ))

    it('ended by an error of a hook before it is sent', () =>
      check([], async (api) => {
        const thrown = hooked({
          beforeRequest: () => {
            throw new Error('of a hook')
          },
        })
        expect(await outcomeOf(api.get(URL_OF, thrown))).toMatchObject({ message: 'of a hook' })
      }))

    it('answered by a hook instead', () =>
      check([], async (api) =>
        expect(await settled(api.get(URL_OF, hooked({ beforeRequest: () => Response.json(1) })).json())).toBe(1),
      ))

    it('ended by an error of a hook after it was answered', () =>
      check(
        [500],
        async (api) => {
          const thrown = hooked({
            afterResponse: () => {
              throw new Error('of a hook')
            },
          })
          expect(await outcomeOf(api.get(URL_OF, thrown))).toMatchObject({ message: 'of a hook' })
        },
        { afterMs: 5000 },
      ))

    it.each([
      ['stopped', (): unknown => ky.stop, undefined],
      [
        'ended by an error',
        () => Promise.reject(new Error('of a hook')),
        expect.objectContaining({ message: 'of a hook' }),
      ],
      ['answered', () => Response.json(1), expect.any(Response)],
    ] as const)('%s by a hook before a retry that was ordered', (__, beforeRetry, result) =>
      check(
        [500],
        async (api) => expect(await outcomeOf(api.get(URL_OF, hooked({ beforeRetry })))).toEqual(result),
        // The backoff, and the second in which nobody comes.
        { afterMs: 3000 },
      ),
    )

    it('given an answer of its own by a hook, where a retry was ordered', () =>
      check(
        [500],
        async (api) =>
          expect(await settled(api.get(URL_OF, hooked({ afterResponse: () => Response.json(1) })).json())).toBe(1),
        { afterMs: 3000 },
      ))

    it.runIf(major === 2)('ended by totalTimeout, under way, backing off and in a hook', async () => {
      await check([never], async (api) =>
        expect(await outcomeOf(api.get(URL_OF, { totalTimeout: 50 }))).toMatchObject({ name: 'TimeoutError' }),
      )
      await check(
        [500],
        async (api) =>
          expect(await outcomeOf(api.get(URL_OF, { totalTimeout: 500 }))).toMatchObject({
            name: 'TimeoutError',
          }),
        { afterMs: 3000 },
      )
      await check(
        [500],
        async (api) => {
          const slow = hooked({ beforeRetry: () => new Promise((resolve) => setTimeout(resolve, 5000)) })
          expect(await outcomeOf(api.get(URL_OF, { totalTimeout: 500, ...slow }))).toMatchObject({
            name: 'TimeoutError',
          })
        },
        { afterMs: 9000 },
      )
    })

    it.runIf(major === 2)('sent by another Request of a hook, which has skipped ours', () =>
      check([500], async (api) => {
        const other = hooked({ beforeRetry: ({ request }: Seen) => new Request(request.url) })
        expect((await settled(api.get(URL_OF, other))).status).toBe(200)
      }),
    )

    const slowly = () => new Promise((resolve) => setTimeout(resolve, 5000))
    it.each(['afterResponse', 'beforeRetry'] as const)(
      'nor while %s takes longer than the wait for it: the request lines up again then',
      (hook) =>
        check([500], async (api) => {
          expect((await settled(api.get(URL_OF, hooked({ [hook]: slowly })))).status).toBe(200)
        }),
    )

    it('and what has failed before counts on', async () => {
      const { server, api } = setup([500, 500, 500, 500, 500, 500])
      const call = api.get(URL_OF, { retry: 10, ...hooked({ beforeRetry: slowly }) })
      expect(await outcomeOf(call)).toMatchObject({ name: 'HTTPError' })
      expect(server.served).toHaveLength(4)
    })
  })

  describe('9. an answer for which ky throws nothing', () => {
    it('is sent again like any other, beforeRetry gets a SentAgainError', async () => {
      const errors: unknown[] = []
      const { server, api } = setup([503])
      const response = await settled(
        api.get(URL_OF, { throwHttpErrors: false, ...hooked({ beforeRetry: ({ error }) => void errors.push(error) }) }),
      )
      expect(response.status).toBe(200)
      expect(server.times).toHaveLength(2)
      expect(errors).toEqual([expect.any(SentAgainError)])
      expect(errors).toMatchObject([{ verdict: { kind: 'overloaded' }, response: { status: 503 } }])
    })

    it('is handed over when it is the last', async () => {
      const { server, api } = setup([503, 503, 503])
      const response = await settled(api.get(URL_OF, { throwHttpErrors: false }))
      expect(await response.json()).toEqual({ status: 503 })
      expect(server.times).toHaveLength(3)
    })
  })

  it('a stream with retry: 0 is sent once, and not kept by ky 2', async () => {
    const { server, api } = setup([refusal({ 'retry-after': '1' })])
    const tee = vi.spyOn(ReadableStream.prototype, 'tee')
    const body = new Blob(['streamed']).stream()
    expect(await outcomeOf(api.post(URL_OF, { body, retry: 0 }))).toMatchObject({ name: 'HTTPError' })
    expect(server.times).toHaveLength(1)
    // 1.14 keeps whatever it sends.
    expect(tee.mock.contexts.includes(body)).toBe(major === 1)
  })

  it('two instances share no state', async () => {
    const one = setup([refusal({ 'retry-after': '9' })])
    const two = setup([])
    const held = one.api.get(URL_OF)
    await vi.advanceTimersByTimeAsync(10)
    await settled(two.api.get(URL_OF))
    expect(two.server.times[0]).toBeLessThan(20)
    await settled(held)
  })
})

describe('kyHooks()', () => {
  it.each([
    [{ fetch: globalThis.fetch }, TypeError, /kyHooks: fetch has no meaning here: it is an option of ky/],
    [{ replayLimitBytes: 5 }, TypeError, /kyHooks: replayLimitBytes has no meaning here/],
    [
      { backoffJitter: { attemptTimeoutMs: 5 } },
      TypeError,
      /kyHooks: backoffJitter.attemptTimeoutMs has .*ky's `timeout`/,
    ],
    [{ retries: 2 }, TypeError, /unknown option retries/],
    [5, TypeError, /options must be/],
    [[5], TypeError, /middlewares\[1\]/],
    [{ observe: 5 }, TypeError, /observe/],
  ])('%j is an error at creation', (given, type, message) => {
    const make = (): unknown => kyHooks(given as never)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })

  it('has the types of the hooks of either version', () => {
    expect(typeof ky2.extend({ hooks: kyHooks() }).get).toBe('function')
    expect(typeof ky1.extend({ hooks: kyHooks() }).get).toBe('function')
  })

  it('takes a list of middlewares', () => {
    expect(kyHooks([log(), backoffJitter()])).toHaveProperty('init')
  })
})
