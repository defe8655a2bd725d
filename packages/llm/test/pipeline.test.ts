import { aplomb, WeightExceedsLimitError } from 'aplomb'
import { describe, expect, it } from 'vitest'
import { outcomes, settled, useFakeTime } from '../../aplomb/test/support/time.ts'
import { llm } from '../src/index.ts'
import { chat, GROQ } from './support.ts'

useFakeTime()

const MINUTE_MS = 60_000

/** A limit of so many tokens a minute, given back bit by bit; each call takes so many when it arrives, its output as it is answered. */
const limited = (perMinute: number, cost: { readonly input: number; readonly output: number }) => {
  let left = perMinute
  let at = performance.now()
  let least = Infinity
  let sent = 0
  const take = (tokens: number): number => {
    left = Math.min(perMinute, left + ((performance.now() - at) * perMinute) / MINUTE_MS) - tokens
    at = performance.now()
    least = Math.min(least, left)
    return left
  }
  const fetch = async (): Promise<Response> => {
    sent++
    const headers = (): Headers =>
      new Headers({
        'x-ratelimit-limit-tokens': String(perMinute),
        'x-ratelimit-remaining-tokens': String(Math.max(0, Math.floor(take(0)))),
        'x-ratelimit-reset-tokens': `${Math.ceil(((perMinute - left) / perMinute) * MINUTE_MS)}ms`,
      })
    // As a gateway that counts what was used looks at no more than whether anything is left.
    if (take(0) <= 0) return new Response(null, { status: 429, headers: headers() })
    take(cost.input)
    const told = headers()
    await new Promise((resolve) => setTimeout(resolve, 2000))
    take(cost.output)
    const usage = { prompt_tokens: cost.input, completion_tokens: cost.output }
    return Response.json({ choices: [], usage }, { headers: told })
  }
  return { fetch, least: () => least, sent: () => sent }
}

const ask = (fetch: typeof globalThis.fetch | ReturnType<typeof aplomb>, chars: number): Promise<Response> =>
  fetch(GROQ, { method: 'POST', body: JSON.stringify(chat(chars, { max_tokens: 60 })) })

describe('five calls at once on a limit that has room for one', () => {
  it('never take more than there is, once its headers are known', async () => {
    const server = limited(100, { input: 30, output: 60 })
    const fetch = aplomb({ fetch: server.fetch, weight: llm() })
    await (await settled(ask(fetch, 120))).text()
    const all = await outcomes(
      Array.from({ length: 5 }, async () => {
        const response = await ask(fetch, 120)
        await response.text()
        return response.status
      }),
    )
    expect(all).toEqual(Array.from({ length: 5 }, () => ({ value: 200 })))
    expect(server.least()).toBeGreaterThanOrEqual(0)
    expect(server.sent()).toBe(6)
  })
})

describe('a call that can never fit', () => {
  it('is answered at once, and not sent', async () => {
    const server = limited(1000, { input: 30, output: 60 })
    const fetch = aplomb({ fetch: server.fetch, weight: llm() })
    await (await settled(ask(fetch, 120))).text()
    const before = performance.now()
    await expect(settled(ask(fetch, 4100))).rejects.toBeInstanceOf(WeightExceedsLimitError)
    expect(performance.now()).toBe(before)
    expect(server.sent()).toBe(1)
  })
})
