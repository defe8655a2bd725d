import { llm } from '@aplomb/llm'
import { aplomb } from 'aplomb'
import { across, drive, type Fetch, generator, onClock } from './simulate.ts'

/** How one vendor counts, tells and answers. */
interface Dialect {
  readonly url: string
  readonly body: (call: ChatCall, stream: boolean) => object
  /** Limits in tokens per minute, and what a call takes of each: when it arrives, and as it is answered. */
  readonly pools: readonly Pool[]
  readonly headers: (name: string, pool: Level) => Readonly<Record<string, string>>
  readonly json: (call: ChatCall) => object
  /** The events before the text, and after it. */
  readonly events: (call: ChatCall) => readonly [first: object, last: object]
}

interface Pool {
  readonly name: string
  readonly perMinute: number
  readonly atStart: (call: ChatCall) => number
  readonly afterwards: (call: ChatCall) => number
}

interface Level {
  readonly limit: number
  readonly left: number
  readonly fullMs: number
}

interface ChatCall {
  readonly chars: number
  readonly input: number
  readonly output: number
  readonly maxTokens: number
}

const MODEL = 'a-model'
const MINUTE_MS = 60_000
/** Speech of models, in tokens per second, and what comes before it. */
const TOKENS_PER_S = 100
const FIRST_MS = 300
const CHARS_PER_TOKEN = 3.6

const durationOf = ({ output }: ChatCall): number => (output / TOKENS_PER_S) * 1000

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** Most are short, and a few are very long. */
const logNormal = (random: () => number, median: number, sigma: number): number =>
  Math.ceil(median * Math.exp(sigma * normal(random)))

/** A chat call of heavy-tailed size, whose text is a little longer or shorter for each token. */
const drawCall = (random: () => number): ChatCall => {
  const input = Math.min(8000, logNormal(random, 600, 0.9))
  const maxTokens = [500, 1000, 2000][Math.floor(random() * 3)] ?? 0
  const output = Math.min(maxTokens, logNormal(random, 250, 0.8))
  const chars = Math.round(input * CHARS_PER_TOKEN * (1 + 0.08 * normal(random)))
  return { chars: Math.max(1, chars), input, output, maxTokens }
}

const chat = ({ chars, maxTokens }: ChatCall, stream: boolean): object => ({
  model: MODEL,
  max_tokens: maxTokens,
  messages: [{ role: 'user', content: 'a '.repeat(chars / 2) }],
  stream,
})
const usage = ({ input, output }: ChatCall): object => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
})
const chatAnswer = (call: ChatCall): object => ({ choices: [{ message: { content: 'a' } }], usage: usage(call) })
const chatEvents = (call: ChatCall): readonly [object, object] => [
  { choices: [{ delta: { content: 'a' } }], usage: null },
  { choices: [], usage: usage(call) },
]
const inDurations = (name: string, { limit, left, fullMs }: Level): Readonly<Record<string, string>> => ({
  [`x-ratelimit-limit-${name}`]: String(limit),
  [`x-ratelimit-remaining-${name}`]: String(left),
  [`x-ratelimit-reset-${name}`]: `${Math.ceil(fullMs)}ms`,
})
const none = (): number => 0

const DIALECTS: Readonly<Record<'openai' | 'azure' | 'anthropic' | 'groq', Dialect>> = {
  openai: {
    url: 'https://api.openai.com/v1/chat/completions',
    body: chat,
    pools: [
      {
        name: 'tokens',
        perMinute: 60_000,
        atStart: ({ chars, maxTokens }) => Math.max(maxTokens, chars / 4),
        afterwards: none,
      },
    ],
    headers: inDurations,
    json: chatAnswer,
    events: chatEvents,
  },
  azure: {
    url: 'https://mine.openai.azure.com/openai/deployments/a-model/chat/completions?api-version=1',
    body: chat,
    pools: [
      { name: 'tokens', perMinute: 60_000, atStart: ({ chars, maxTokens }) => chars / 4 + maxTokens, afterwards: none },
    ],
    headers: inDurations,
    json: chatAnswer,
    events: chatEvents,
  },
  anthropic: {
    url: 'https://api.anthropic.com/v1/messages',
    body: chat,
    pools: [
      { name: 'input-tokens', perMinute: 60_000, atStart: ({ input }) => input, afterwards: none },
      { name: 'output-tokens', perMinute: 16_000, atStart: none, afterwards: ({ output }) => output },
    ],
    headers: (name, { limit, left, fullMs }) => ({
      [`anthropic-ratelimit-${name}-limit`]: String(limit),
      [`anthropic-ratelimit-${name}-remaining`]: String(Math.round(left / 1000) * 1000),
      [`anthropic-ratelimit-${name}-reset`]: new Date(Math.ceil((Date.now() + fullMs) / 1000) * 1000).toISOString(),
    }),
    json: ({ input, output }) => ({ content: [], usage: { input_tokens: input, output_tokens: output } }),
    events: ({ input, output }) => [
      { type: 'message_start', message: { usage: { input_tokens: input, output_tokens: 1 } } },
      { type: 'message_delta', delta: {}, usage: { output_tokens: output } },
    ],
  },
  groq: {
    url: 'https://api.groq.com/openai/v1/chat/completions',
    body: chat,
    pools: [{ name: 'tokens', perMinute: 60_000, atStart: ({ input }) => input, afterwards: ({ output }) => output }],
    headers: inDurations,
    json: chatAnswer,
    events: (call) => [{ choices: [{ delta: { content: 'a' } }] }, { choices: [], x_groq: { usage: usage(call) } }],
  },
}

/** A token bucket whose burst is a minute's refill. A charge that is settled afterwards may leave it below zero. */
const newBucket = ({ perMinute }: Pool) => {
  const perMs = perMinute / MINUTE_MS
  let left = perMinute
  let taken = 0
  let at = performance.now()
  const refill = (): void => {
    const now = performance.now()
    left = Math.min(perMinute, left + (now - at) * perMs)
    at = now
  }
  return {
    /** Milliseconds until so much is there, more than nothing at least. */
    waitMs: (amount: number): number => {
      refill()
      return Math.max(0, (Math.max(1, amount) - left) / perMs)
    },
    take: (amount: number): void => {
      refill()
      left -= amount
      taken += amount
    },
    taken: (): number => taken,
    level: (): Level => {
      refill()
      return { limit: perMinute, left: Math.max(0, Math.floor(left)), fullMs: (perMinute - left) / perMs }
    },
  }
}

export interface LlmMode {
  readonly vendor: keyof typeof DIALECTS
  readonly streamed: boolean
}

export const LLM_MODES: readonly LlmMode[] = (Object.keys(DIALECTS) as LlmMode['vendor'][]).flatMap((vendor) =>
  [false, true].map((streamed) => ({ vendor, streamed })),
)

export interface LlmOutcome {
  readonly answered: number
  readonly sentPerAnswer: number
  /** Of the tokens that the tightest limit gave until the last answer ended. */
  readonly share: number
}

const CALLS = 400

/** A job of chat calls, all at once, on a limit in tokens. */
export const runLlmMode = ({ vendor, streamed }: LlmMode, seed: number): Promise<LlmOutcome> =>
  onClock(seed, async (clock) => {
    const random = generator(~seed)
    const calls = Array.from({ length: CALLS }, () => drawCall(random))
    const { url, body, pools, headers, json, events } = DIALECTS[vendor]
    const startedAt = performance.now()
    const buckets = pools.map((pool) => ({ pool, bucket: newBucket(pool) }))
    let sent = 0

    const serve: Fetch = async (_input, init) => {
      sent++
      const call = calls[Number(new Headers(init?.headers).get('x-call'))] as ChatCall
      const waitMs = Math.max(...buckets.map(({ pool, bucket }) => bucket.waitMs(pool.atStart(call))))
      const told = (): Headers => {
        const all = new Headers()
        for (const { pool, bucket } of buckets)
          for (const [name, value] of Object.entries(headers(pool.name, bucket.level()))) all.set(name, value)
        return all
      }
      if (waitMs > 0) {
        const refused = told()
        refused.set('retry-after', String(Math.ceil(waitMs / 1000)))
        return Response.json({ error: { code: 'rate_limit_exceeded' } }, { status: 429, headers: refused })
      }
      for (const { pool, bucket } of buckets) bucket.take(pool.atStart(call))
      // The remaining tokens are told as of admission.
      const started = told()
      const produce = async (): Promise<void> => {
        const parts = 10
        for (let part = 0; part < parts; part++) {
          await new Promise((resolve) => setTimeout(resolve, durationOf(call) / parts))
          for (const { pool, bucket } of buckets) bucket.take(pool.afterwards(call) / parts)
        }
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_MS))
      if (!streamed) {
        await produce()
        return Response.json(json(call), { headers: started })
      }
      started.set('content-type', 'text/event-stream')
      const [first, last] = events(call)
      const encoder = new TextEncoder()
      const write = (controller: ReadableStreamDefaultController, event: object): void =>
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`))
      const stream = new ReadableStream({
        start: async (controller) => {
          write(controller, first)
          await produce()
          write(controller, last)
          controller.close()
        },
      })
      return new Response(stream, { headers: started })
    }

    const fetch = aplomb({ fetch: across(serve), weight: llm() })
    let answered = 0
    const jobs = calls.map(async (call, i) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'x-call': String(i) },
        body: JSON.stringify(body(call, streamed)),
      }).catch(() => undefined)
      await response?.text()
      if (response?.ok) answered++
    })
    await drive(clock, Promise.all(jobs))
    const minutes = (performance.now() - startedAt) / MINUTE_MS
    const shares = buckets.map(({ pool, bucket }) => bucket.taken() / (pool.perMinute * (1 + minutes)))
    return { answered, sentPerAnswer: sent / Math.max(1, answered), share: Math.max(...shares) }
  })
