// What the pages on moving to aplomb say of both sides: their own blocks, run on a clock that is turned by hand against APIs that
// refuse. `vitest -u` writes what was found into the pages.
import { createMockApi, type MockApi } from '@aplomb/mock-api'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { blocksOf } from '../../docs/test/markdown.ts'
import { generator } from '../../packages/bench/src/sim/simulate.ts'

const folder = fileURLToPath(new URL('.migrate', import.meta.url))
const pages = fileURLToPath(new URL('../../docs/migrate', import.meta.url))

interface Situation {
  readonly name: string
  readonly calls: number
  /** Where a block has methods for them. */
  readonly method?: 'post'
  /** Answers each request, of which this is the n-th. */
  readonly answer: () => (request: Request, n: number) => Promise<Response> | Response
}

const items = (): Response => Response.json({ object: 'list', data: [], model: 'a' })
const metered = (): MockApi =>
  createMockApi({
    windows: [{ limit: 10, windowMs: 1000 }],
    latencyMs: 50,
    routes: (app) => app.all('*', () => items()),
  })
const reset = (): Response => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) })
}

const SITUATIONS: readonly Situation[] = [
  {
    name: '100 calls at once, 10 a second allowed',
    calls: 100,
    answer: () => {
      const api = metered()
      return (request) => api.fetch(request)
    },
  },
  {
    name: 'a 429 with `Retry-After: 3`, once',
    calls: 1,
    answer: () => (_, n) => (n === 1 ? new Response(null, { status: 429, headers: { 'retry-after': '3' } }) : items()),
  },
  { name: 'a wrong key: 401', calls: 1, answer: () => () => Response.json({ message: 'wrong key' }, { status: 401 }) },
  { name: 'a connection that is reset, each time', calls: 1, answer: () => reset },
  { name: 'the same, of a POST', calls: 1, method: 'post', answer: () => reset },
]

/** A block as a function: what it prints is what it gives. */
const callOf = async (code: string, { method }: Situation, name: string): Promise<() => Promise<unknown>> => {
  const last = /^console\.log\(([^]*?),?\s*\)\s*$(?![^])/m
  if (!last.test(code)) throw new Error(`${name} prints nothing`)
  const exported = code.replace(last, 'export const call = async (): Promise<unknown> => ($1)')
  const path = join(folder, `${name}.ts`)
  writeFileSync(path, method ? exported.replace('.get(', `.${method}(`) : exported)
  const { call } = (await import(path)) as { call: () => Promise<unknown> }
  return call
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const measure = async (code: string, situation: Situation, name: string): Promise<string> => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    now: Date.UTC(2026, 0, 1),
  })
  vi.spyOn(Math, 'random').mockImplementation(generator(1))
  vi.stubEnv('DEBUG', undefined)
  const answer = situation.answer()
  let sent = 0
  let answered = 0
  vi.stubGlobal('fetch', async (...args: Parameters<typeof fetch>) => {
    const response = await answer(new Request(...args), ++sent)
    if (response.ok) answered++
    return response
  })
  try {
    const call = await callOf(code, situation, name)
    const began = performance.now()
    const state = { left: situation.calls, lastAt: began }
    for (let i = 0; i < situation.calls; i++)
      void call()
        .catch(() => undefined)
        .then(() => {
          state.left--
          state.lastAt = performance.now()
        })
    // A promise may still set a timer when there is none.
    while (state.left > 0) await vi.advanceTimersToNextTimerAsync()
    return `${answered} of ${situation.calls} in ${seconds(state.lastAt - began)}, ${sent} ${sent === 1 ? 'request' : 'requests'}`
  } finally {
    vi.useRealTimers()
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
    vi.unstubAllEnvs()
  }
}

const HEAD = '| what comes | before | with aplomb |\n|---|---|---|\n'

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('each page on moving says what comes of its blocks:', () => {
  it.each(globSync('*.md', { cwd: pages }))('%s', { timeout: 60_000 }, async (page) => {
    const path = join(pages, page)
    const text = readFileSync(path, 'utf8')
    const blocks = blocksOf(text, page).map(({ code }) => code)
    expect(blocks).toHaveLength(2)
    const rows: string[] = []
    for (const [i, situation] of SITUATIONS.entries()) {
      if (situation.method && !blocks.every((code) => code.includes('.get('))) continue
      const cells: string[] = []
      for (const [side, code] of blocks.entries())
        cells.push(await measure(code, situation, `${basename(page, '.md')}-${i}-${side}`))
      rows.push(`| ${situation.name} | ${cells.join(' | ')} |\n`)
    }
    const at = text.indexOf(HEAD)
    expect(at).toBeGreaterThan(0)
    const after = text.slice(at + HEAD.length).replace(/^(?:\|.*\n)*/, '')
    await expect(text.slice(0, at) + HEAD + rows.join('') + after).toMatchFileSnapshot(path)
  })
})
