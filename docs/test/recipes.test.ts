import { readdirSync, readFileSync } from 'node:fs'
import { aplomb, rules, verdictOf } from 'aplomb'
import {
  explain,
  type Explanation,
  formatExplanation,
  parseAnswers,
  responseOf,
  type SavedAnswer,
} from 'aplomb/explain'
import { describe, expect, it, vi } from 'vitest'
import { settled, timed, useFakeTime } from '../../packages/aplomb/test/support/time.ts'

useFakeTime()

const folder = new URL('../recipes/', import.meta.url)

interface Stated {
  readonly title: string
  readonly answer: SavedAnswer
  readonly rules: readonly (typeof rules)[keyof typeof rules][]
  /** What the page says of it. */
  readonly said: string
}

/** The answers that a page states, each in a fence `http`, with what is said of it in a fence `explained` right below. */
const statedIn = (page: string): Stated[] => {
  const text = readFileSync(new URL(page, folder), 'utf8')
  const pairs = text.matchAll(/^```http(?: rules=(\S+))?\n([^]*?)\n```\n\n```explained\n([^]*?)\n```$/gm)
  return Array.from(pairs, ([, names, http = '', said = ''], i) => ({
    title: `${page}, answer ${i + 1}`,
    answer: parseAnswers(http).at(-1)!,
    rules: (names?.split(',') ?? []).map((name) => rules[name as keyof typeof rules]),
    said,
  }))
}

const pages = readdirSync(folder)
const stated = pages.flatMap(statedIn)

const TOLD = /^(?:to do|because|aplomb\(\)) /

const summaryOf = (explanation: Explanation): string => {
  const [first, ...lines] = formatExplanation(explanation, { columns: 400 }).split('\n')
  return [first, ...lines.filter((line) => TOLD.test(line))].join('\n')
}

it.each(pages)('%s says of each of its answers what it means', (page) => {
  const fences = readFileSync(new URL(page, folder), 'utf8').match(/^```(?:http|explained)/gm) ?? []
  const answers = stated.filter(({ title }) => title.startsWith(`${page},`))
  expect(answers.length).toBeGreaterThan(0)
  expect(fences).toHaveLength(2 * answers.length)
})

describe.each(stated)('$title', ({ answer, rules: own, said }) => {
  const { method = 'GET', url = 'https://api.test/v1/items' } = answer.request ?? {}
  const request = { ...answer.request, method, url }
  // Moments in it are those of its own clock.
  const receivedAt = Date.parse(answer.headers.find(([name]) => name === 'date')?.[1] ?? '')

  it('is explained as the page says', async () => {
    const { request: asked } = answer
    expect(summaryOf(await explain(responseOf(answer), { rules: own, ...(asked && { request: asked }) }))).toBe(said)
  })

  it('is treated so by aplomb()', async () => {
    const { next, verdict } = await explain(responseOf(answer), { rules: own, request })
    vi.setSystemTime(receivedAt)
    let sent = 0
    const server = timed(async () => (sent++ === 0 ? responseOf(answer) : new Response('served')))
    const fetch = aplomb({ classify: { rules: own }, log: false, fetch: server })
    const response = await settled(fetch(url, { method }))

    const { times } = server
    expect(verdictOf(response).kind).toBe(next.again ? 'ok' : verdict.kind)
    expect(times).toHaveLength(next.again ? 2 : 1)
    if (!next.again) return
    const waitedMs = times[1]! - times[0]!
    expect(waitedMs).toBeGreaterThanOrEqual(next.fromMs)
    expect(waitedMs).toBeLessThanOrEqual(next.toMs)
  })
})
