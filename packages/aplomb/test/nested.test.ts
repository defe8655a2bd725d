import { respond } from '@aplomb/mock-api'
import OpenAI from 'openai'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { aplomb } from '../src/index.ts'
import { outcomes, settled, timed, useFakeTime } from './support/time.ts'

useFakeTime()

const TARGET = 'https://api.test/v1/items'

let warnings: string[]
beforeEach(() => {
  warnings = []
  vi.spyOn(console, 'warn').mockImplementation((text: string) => void warnings.push(text))
})

describe('two or three in each other send four requests', () => {
  it.each([2, 3])('%d, after failures', async (depth) => {
    const server = timed(respond({ status: 500, times: Infinity }))
    let fetch = aplomb({ fetch: server })
    for (let i = 1; i < depth; i++) fetch = aplomb({ fetch })
    const response = await settled(fetch(TARGET))
    expect(response.status).toBe(500)
    expect(response.bodyUsed).toBe(false)
    expect(server.times).toHaveLength(4)
    expect(vi.getTimerCount()).toBe(0)
    // Once per process: the first of these tests hears it.
    expect(warnings).toHaveLength(depth === 2 ? 1 : 0)
  })

  it.each<[string, object]>([
    ['429 with a time', { status: 429, headers: { 'retry-after': '1' } }],
    ['429 without', { status: 429 }],
    ['503 with a time', { status: 503, headers: { 'retry-after': '1' } }],
  ])('%s: as many as one alone', async (_, answer) => {
    const sentBy = async (depth: number): Promise<number> => {
      const server = timed(respond({ ...answer, times: Infinity }))
      let fetch = aplomb({ fetch: server })
      for (let i = 1; i < depth; i++) fetch = aplomb({ fetch })
      await outcomes([fetch(TARGET)])
      return server.times.length
    }
    const alone = await sentBy(1)
    expect(await sentBy(2)).toBe(alone)
    expect(await sentBy(3)).toBe(alone)
  })

  it('errors, and a refused connection of a POST', async () => {
    const refused = new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    })
    const server = timed(respond(refused, refused, refused, refused))
    const fetch = aplomb({ fetch: aplomb({ fetch: server }) })
    expect(await outcomes([fetch(TARGET, { method: 'POST' })])).toEqual([{ error: refused }])
    expect(server.times).toHaveLength(4)
  })
})

describe('an SDK whose own retries are left on', () => {
  it('is told of once, with what to do about it', async () => {
    const server = respond({ status: 500, times: Infinity })
    const openai = new OpenAI({ apiKey: 'k', baseURL: 'https://sdk.test/v1', fetch: aplomb({ fetch: server }) })
    await outcomes([openai.models.list(), openai.models.list()])
    expect(warnings).toEqual([expect.stringContaining('`maxRetries: 0`')])
  })
})

describe('a host that is not found', () => {
  it('says so within three seconds, however many ask', async () => {
    const unknown = new TypeError('fetch failed', {
      cause: Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', hostname: 'api.test' }),
    })
    const server = timed(async () => {
      throw unknown
    })
    const fetch = aplomb({ fetch: server })
    const began = performance.now()
    const results = await outcomes(
      Array.from({ length: 100 }, (_, i) => fetch(`${TARGET}/${i}`, { method: i % 2 ? 'POST' : 'GET' })),
    )
    expect(results).toEqual(Array.from({ length: 100 }, () => ({ error: unknown })))
    expect(server.times).toHaveLength(200)
    expect(performance.now() - began).toBeLessThanOrEqual(3000)
  })
})
