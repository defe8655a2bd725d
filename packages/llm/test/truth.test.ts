import { describe, expect, it } from 'vitest'
import { llm } from '../src/index.ts'
import {
  answer,
  ANTHROPIC,
  apart,
  chat,
  events,
  GROQ,
  MISTRAL,
  OPENAI,
  readAnswer,
  stream,
  weighBy,
} from './support.ts'

const GEMINI = 'https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent'
const BEDROCK = 'https://bedrock-runtime.us-east-1.amazonaws.com/model/'
const json = (body: unknown, headers: HeadersInit = {}): Response => Response.json(body, { headers })

const inParts = (parts: readonly string[]): Response => {
  const body = new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

describe('the truth is read', () => {
  const anthropic = {
    usage: { input_tokens: 70, cache_creation_input_tokens: 20, cache_read_input_tokens: 900, output_tokens: 12 },
  }
  it.each([
    ['Anthropic: what a cache gave is free, what it took is not', ANTHROPIC, json(anthropic), apart(90, 12)],
    [
      'Anthropic, streamed: the output is that of the end',
      ANTHROPIC,
      stream(
        events(
          { type: 'message_start', message: { usage: { input_tokens: 70, output_tokens: 1 } } },
          { type: 'content_block_delta', delta: { text: 'usage' } },
          { type: 'message_delta', usage: { output_tokens: 12 } },
          { type: 'message_stop' },
        ),
      ),
      apart(70, 12),
    ],
    [
      'Groq: what a cache gave is free',
      GROQ,
      json({ usage: { prompt_tokens: 90, prompt_tokens_details: { cached_tokens: 30 }, completion_tokens: 12 } }),
      apart(60, 12),
    ],
    [
      'Groq, streamed',
      GROQ,
      stream(
        `${events({ choices: [] }, { x_groq: { usage: { prompt_tokens: 90, completion_tokens: 12 } } })}data: [DONE]\n\n`,
      ),
      apart(90, 12),
    ],
    ['Mistral, of the body', MISTRAL, json({ usage: { prompt_tokens: 90, completion_tokens: 12 } }), { tokens: 102 }],
    ['Mistral, of a header', MISTRAL, json({}, { 'x-ratelimit-tokens-query-cost': '77' }), { tokens: 77 }],
    [
      'Gemini: input only',
      GEMINI,
      json({ usageMetadata: { promptTokenCount: 90, candidatesTokenCount: 12 } }),
      { tokens: 90 },
    ],
    [
      'Gemini, streamed: the last counts',
      GEMINI,
      stream(events({ usageMetadata: { promptTokenCount: 80 } }, { usageMetadata: { promptTokenCount: 90 } })),
      { tokens: 90 },
    ],
    [
      'Bedrock: output burns down faster',
      `${BEDROCK}anthropic.claude-opus-5-v1%3A0/converse`,
      json({ usage: { inputTokens: 80, cacheWriteInputTokens: 10, outputTokens: 12 } }),
      { tokens: 210 },
    ],
    [
      'Bedrock, of headers',
      `${BEDROCK}anthropic.claude-sonnet-4-5-v1%3A0/invoke`,
      json({}, { 'x-amzn-bedrock-input-token-count': '90', 'x-amzn-bedrock-output-token-count': '12' }),
      { tokens: 150 },
    ],
    [
      'Bedrock, in frames',
      `${BEDROCK}amazon.nova-pro-v1%3A0/converse-stream`,
      stream(
        '\0\0\x01:event-type\x07metadata{"metrics":{},"usage":{"inputTokens":90,"outputTokens":12}}\u00ff',
        'application/vnd.amazon.eventstream',
      ),
      { tokens: 102 },
    ],
  ])('%s', async (_, url, response, weight) => {
    const weigher = llm()
    const settled = await readAnswer(weigher, weighBy(weigher, url, chat(400)), response)
    expect(settled[0]).toEqual(weight)
  })

  it('a header tells before the body is read', () => {
    const weigher = llm()
    const response = json({}, { 'x-ratelimit-tokens-query-cost': '77' })
    expect(answer(weigher, weighBy(weigher, MISTRAL, chat(400)), response)).toEqual([{ tokens: 77 }])
  })

  it('OpenAI and Azure charge what they guess: nothing is settled', async () => {
    const weigher = llm()
    const usage = json({ usage: { prompt_tokens: 1, completion_tokens: 1 } })
    expect(await readAnswer(weigher, weighBy(weigher, OPENAI, chat(400)), usage)).toEqual([])
    expect(usage.bodyUsed).toBe(true)
  })
})

describe('where it is not said, the estimate stands', () => {
  it.each([
    ['no usage', json({ choices: [] })],
    ['null', json({ usage: null })],
    ['nonsense', json({ usage: { prompt_tokens: 'many', completion_tokens: -1 } })],
    ['another type', stream('usage', 'text/plain')],
    ['no body', new Response(null)],
    ['a stream without it', stream(events({ choices: [], usage: null }))],
    [
      'after an event that is longer than any',
      inParts([
        ...Array.from({ length: 5 }, () => `data: ${'x'.repeat(2 ** 20)}`),
        `\n\n${events({ usage: { prompt_tokens: 1 } })}`,
      ]),
    ],
    ['what the model writes of usage', json({ content: '{"usage": {"prompt_tokens": 1}}' })],
  ])('%s', async (_, response) => {
    const weigher = llm()
    const asked = weighBy(weigher, MISTRAL, chat(400, { max_tokens: 30 }))
    expect(await readAnswer(weigher, asked, response)).toEqual([{ tokens: 130 }])
  })

  it('of a stream that is given up, what is not yet known', async () => {
    const weigher = llm()
    const asked = weighBy(weigher, ANTHROPIC, chat(400, { max_tokens: 30 }))
    const response = stream(
      events({ type: 'message_start', message: { usage: { input_tokens: 70, output_tokens: 1 } } }),
    )
    const settled = answer(weigher, asked, response)
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(settled).toEqual([apart(70, 30)])
  })

  it('of a stream that breaks', async () => {
    const weigher = llm()
    const asked = weighBy(weigher, ANTHROPIC, chat(400, { max_tokens: 30 }))
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
    const response = new Response(broken, { headers: { 'content-type': 'text/event-stream' } })
    const settled = answer(weigher, asked, response)
    await expect(response.text()).rejects.toThrow('broken')
    expect(settled).toEqual([apart(100, 30)])
  })
})

describe('estimates are corrected', () => {
  it('by what calls of the same vendor and model took', async () => {
    const weigher = llm()
    const usage = { usage: { prompt_tokens: 150, completion_tokens: 20 } }
    await readAnswer(weigher, weighBy(weigher, MISTRAL, chat(400)), json(usage))
    expect(weighBy(weigher, MISTRAL, chat(800)).weight).toEqual({ tokens: 320 })
    expect(weighBy(weigher, GROQ, chat(800)).weight).toEqual(apart(200, 500))
    expect(weighBy(weigher, MISTRAL, chat(800, { model: 'another' })).weight).toEqual({ tokens: 700 })
  })

  it('of a call that waits, too', async () => {
    const weigher = llm()
    const waiting = weighBy(weigher, MISTRAL, chat(800))
    expect(waiting.weight).toEqual({ tokens: 700 })
    const usage = { usage: { prompt_tokens: 150, completion_tokens: 20 } }
    await readAnswer(weigher, weighBy(weigher, MISTRAL, chat(400)), json(usage))
    expect(weigher(waiting.request, undefined)).toEqual({ tokens: 320 })
  })

  /** The same numbers in every run (mulberry32). */
  const generator = (seed: number) => (): number => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  it.each([1, 2, 3, 4, 5])(
    'after 20 of 100 calls, they are wrong by 10 % of the input, and 15 % of the sum, in the mean: %i',
    async (seed) => {
      const random = generator(seed)
      const tailed = (median: number): number => {
        const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
        return Math.ceil(median * Math.exp(0.8 * normal))
      }
      const weigher = llm()
      const errors: number[] = []
      const [estimated, truth] = [{ sum: 0 }, { sum: 0 }]
      for (let i = 0; i < 100; i++) {
        const input = tailed(600)
        const output = Math.min(1000, tailed(250))
        // A text has 2.7 to 3.3 characters for each token.
        const asked = weighBy(weigher, GROQ, chat(Math.round(input * (2.7 + 0.6 * random())), { max_tokens: 1000 }))
        const { 'input-tokens': guess, tokens } = asked.weight as ReturnType<typeof apart> & {
          readonly 'input-tokens': number
          readonly tokens: { readonly onArrival: number; readonly later: number }
        }
        if (i >= 20) {
          errors.push(Math.abs(guess - input) / input)
          estimated.sum += tokens.onArrival + tokens.later
          truth.sum += input + output
        }
        await readAnswer(weigher, asked, json({ usage: { prompt_tokens: input, completion_tokens: output } }))
      }
      expect(errors.reduce((sum, one) => sum + one, 0) / errors.length).toBeLessThan(0.1)
      expect(Math.abs(estimated.sum / truth.sum - 1)).toBeLessThan(0.15)
    },
  )

  it('of so many models, those that are used are kept', async () => {
    const weigher = llm()
    const usage = (): Response => json({ usage: { prompt_tokens: 200, completion_tokens: 20 } })
    await readAnswer(weigher, weighBy(weigher, MISTRAL, chat(400)), usage())
    for (let i = 0; i < 255; i++) weighBy(weigher, MISTRAL, chat(400, { model: `model ${i}` }))
    expect(weighBy(weigher, MISTRAL, chat(400)).weight).toEqual({ tokens: 220 })
    for (let i = 0; i < 256; i++) weighBy(weigher, MISTRAL, chat(400, { model: `model ${i}` }))
    expect(weighBy(weigher, MISTRAL, chat(400)).weight).toEqual({ tokens: 600 })
  })
})
