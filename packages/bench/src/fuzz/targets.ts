import { isDeepStrictEqual } from 'node:util'
import { ApiError, classifyError, classifyResponse, rules, unwrap, type Verdict } from '@aplomb/classify'
import {
  type Limits,
  MAX_WAIT_MS,
  parseDate,
  parseDuration,
  parseReset,
  parseRetryAfter,
  readBody,
  readLimits,
  readProse,
} from '@aplomb/limits'
import { llm } from '@aplomb/llm'
import { verdictOf } from '@aplomb/pipeline'
import { redaction } from '@aplomb/redact'
import {
  explain,
  explainHar,
  formatExplanation,
  formatHarSummary,
  parseAnswers,
  parseHar,
  redactedCopy,
  responseOf as savedResponseOf,
} from 'aplomb/explain'
import fc from 'fast-check'
import { type Answer, answer, CORPUS, long, mutated, printed, recorded, responseOf } from './corpus.ts'

/** Something that reads what a server says, and what must hold of it whatever that is. */
export interface Target {
  readonly name: string
  readonly property: fc.IAsyncProperty<unknown>
  /** Whether it goes by the CPU time of the process, which has to be its own. */
  readonly timed?: true
}

const NOW = Date.UTC(2026, 0, 15, 12)
const EVERY = Object.values(rules)
/** What takes longer for 64 KiB does not grow with the size alone. In CPU time, the best of three: other work on the machine is not ours. */
const SLOW_MS = 300

const check = (holds: boolean, what: string, ...about: readonly unknown[]): void => {
  if (!holds)
    throw new Error(
      `${what}: ${about
        .map((one) => JSON.stringify(one))
        .join(', ')
        .slice(0, 2000)}`,
    )
}

/** The same for the same clock. */
const atNow = async <T>(work: () => T | Promise<T>): Promise<T> => {
  const { now } = Date
  Date.now = () => NOW
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

const isWait = (ms: number | undefined): boolean =>
  ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= MAX_WAIT_MS)
const isAmount = (value: number | undefined): boolean => value === undefined || (Number.isFinite(value) && value >= 0)

const sane = ({ retryAfterMs, windows, concurrency = { source: '' }, credits = { source: '' } }: Limits): void => {
  check(isWait(retryAfterMs), 'no wait', retryAfterMs)
  for (const one of windows) {
    check(isWait(one.resetMs), 'no reset', one)
    for (const value of [one.limit, one.remaining, one.used, one.windowMs]) check(isAmount(value), 'no amount', one)
  }
  for (const { source: _, name: __, ...amounts } of [
    { name: '', ...concurrency },
    { name: '', ...credits },
  ])
    for (const value of Object.values(amounts)) check(isAmount(value), 'no amount', amounts)
}

const saneVerdict = ({ kind, retryAfterMs, retryAt, message, evidence, limits }: Verdict): void => {
  sane(limits)
  check(isWait(retryAfterMs), 'no wait', kind, retryAfterMs)
  check(retryAt === undefined || Number.isFinite(retryAt.getTime()), 'no time', kind, String(retryAt))
  check(message === undefined || (message !== '' && message.length <= 2000), 'no message', message)
  check(evidence !== '' && evidence.length <= 2000, 'no evidence', evidence)
}

/** The wait that a `Retry-After` in whole seconds names, as far as it is believed. A finer one rounds up to it. */
const leastWait = ({ headers }: Answer): number => {
  const values = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'retry-after')
  const [[, value] = ['', '']] = values
  if (values.length !== 1 || !/^[1-9]\d{0,6}$/.test(value)) return 0
  const ms = Number(value) * 1000
  return ms <= MAX_WAIT_MS ? ms : 0
}

const notUndercut = (one: Answer, waitMs: number | undefined): void => {
  const least = leastWait(one)
  if (least > 0) check(waitMs !== undefined && waitMs > least - 1000, 'a named time is undercut', waitMs, least)
}

/** Nothing takes long. */
const quick = async (what: string, work: () => unknown): Promise<void> => {
  let best = Infinity
  for (let i = 0; i < 3 && best > SLOW_MS; i++) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  check(best <= SLOW_MS, `slow: ${what}`, best)
}

const target = <T>(name: string, from: fc.Arbitrary<T>, holds: (one: T) => unknown): Target => ({
  name,
  property: fc.asyncProperty(from, async (one) => {
    await atNow(() => holds(one))
  }) as fc.IAsyncProperty<unknown>,
})

const VALUE_NAMES = [
  ...([
    'retry-after',
    'retry-after-ms',
    'ratelimit',
    'ratelimit-policy',
    'x-ratelimit-reset',
    'x-ratelimit-limit',
  ] as const),
  ...([
    'x-ratelimit-remaining',
    'x-app-rate-limit',
    'sforce-limit-info',
    'x-business-use-case-usage',
    'date',
    'age',
  ] as const),
  ...([
    'x-concurrent-threads',
    'x-credits-charged',
    'x-credits-remaining',
    'x-rate-limit',
    'x-ratelimit-window',
  ] as const),
]
const values = mutated(fc.constantFrom(...CORPUS.flatMap(({ headers }) => Object.values(headers))))
const bodies = mutated(fc.constantFrom(...CORPUS.map(({ body }) => body)))

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Without what no two have in common: when each was judged. */
const facts = (verdict: Verdict): object => ({ ...verdict, retryAt: undefined })

const SECRET = 'Jc7Zq9xW4kTt0Lm2Rb8Vy5'
const redactor = redaction()(
  new Request(`https://api.test/v1/x?api_key=${SECRET}`, { headers: { authorization: `Bearer ${SECRET}` } }),
  'https://api.test',
)

const thrownBy = (work: () => unknown): unknown => {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

const saved = (text: string): ReturnType<typeof parseAnswers> => {
  try {
    return parseAnswers(text)
  } catch (error) {
    // Where there is no answer it says so.
    check((error as Error).constructor === Error || error instanceof SyntaxError, 'no plain error', String(error))
    return []
  }
}

const usage = mutated(
  fc.constantFrom(
    '{"usage":{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":5}}}',
    'data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n',
    'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\ndata: [DONE]\n\n',
    '[{"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":9,"thoughtsTokenCount":2}}]',
    '{"usage":{"inputTokens":3,"outputTokens":4,"cacheWriteInputTokens":1}}',
  ),
)
const LLM_URLS = [
  'https://api.openai.com/v1/chat/completions',
  'https://api.anthropic.com/v1/messages',
  'https://api.groq.com/openai/v1/chat/completions',
  'https://api.mistral.ai/v1/chat/completions',
  'https://generativelanguage.googleapis.com/v1/models/a:generateContent',
  'https://bedrock-runtime.us-east-1.amazonaws.com/model/a/invoke',
] as const

const isWeight = (weight: unknown): boolean =>
  typeof weight === 'number'
    ? isAmount(weight)
    : Object.values(weight as object).every((one) =>
        typeof one === 'object' ? isWeight(one) : isAmount(one as number),
      )

export const TARGETS: readonly Target[] = [
  target('limits: headers', answer, (one) => {
    const read = () => readLimits(new Headers(one.headers), { receivedAt: NOW, status: one.status })
    const limits = read()
    sane(limits)
    check(isDeepStrictEqual(limits, read()), 'not the same twice', limits, read())
    notUndercut(one, limits.retryAfterMs)
  }),
  target('limits: a value under any name', fc.tuple(fc.constantFrom(...VALUE_NAMES), values), ([name, value]) => {
    sane(readLimits({ [name]: value }, { receivedAt: NOW }))
  }),
  target('limits: times', values, (text) => {
    for (const ms of [
      parseRetryAfter(text, NOW),
      parseReset(text, NOW),
      parseReset(text, NOW, 'ms'),
      parseReset(text, NOW, 'min'),
      parseDuration(text),
      readProse(text, NOW).waitMs,
    ])
      check(isWait(ms), 'no wait', ms, text)
    const date = parseDate(text, NOW)
    check(date === undefined || Number.isInteger(date), 'no date', date)
  }),
  target('limits: bodies', bodies, (text) => {
    const json = jsonOf(text)
    const { windows, retryAfterMs, credits, concurrency } = readBody(json, NOW) as Limits
    sane({ windows, retryAfterMs, credits, concurrency })
    check(isWait(readProse(text, NOW).waitMs), 'no wait', text)
  }),
  target('pipeline: the plain judge', answer, (one) => {
    const verdict = verdictOf(responseOf(one))
    saneVerdict(verdict)
    check(isDeepStrictEqual(facts(verdict), facts(verdictOf(responseOf(one)))), 'not the same twice', verdict)
    if (one.status === 429 || one.status === 503) notUndercut(one, verdict.retryAfterMs)
  }),
  target('classify: answers', answer, async (one) => {
    for (const options of [{}, { rules: EVERY }]) {
      const response = responseOf(one)
      const verdict = await classifyResponse(response, options)
      saneVerdict(verdict)
      check(!response.bodyUsed, 'the body was used')
      const all = Buffer.from(await response.arrayBuffer())
      check(all.equals(Buffer.from(await responseOf(one).arrayBuffer())), 'the body is not all there')
      const again = await classifyResponse(responseOf(one), options)
      check(isDeepStrictEqual(facts(verdict), facts(again)), 'not the same twice', verdict, again)
      if (verdict.kind === 'rate-limited' || verdict.kind === 'overloaded') notUndercut(one, verdict.retryAfterMs)
    }
  }),
  target('classify: unwrap', answer, async (one) => {
    const response = responseOf(one)
    const ended = await unwrap(response, { rules: EVERY }).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if ('value' in ended) return check(one.status < 400, 'a failure became data', one.status)
    const { error } = ended
    if (error instanceof SyntaxError) return check(one.status < 400, 'a failure became a syntax error', one.status)
    check(error instanceof ApiError, 'no ApiError', String(error))
    check((error as ApiError).message.length <= 2200, 'an endless message')
    check(typeof (await (error as ApiError).response?.text()) === 'string', 'its body cannot be read')
  }),
  target('classify: errors', fc.tuple(fc.anything(), bodies), ([cause, text]) => {
    for (const error of [cause, text, new Error(text, { cause }), Object.assign(new TypeError(text), { code: cause })])
      saneVerdict(classifyError(error))
  }),
  target('explain: what curl prints', printed, async (text) => {
    for (const one of saved(text).slice(-2)) {
      const explanation = await explain(savedResponseOf(one), { request: one.request, receivedAt: NOW })
      check(typeof formatExplanation(explanation, {}) === 'string', 'no text')
      const again = await explain(savedResponseOf(one), { request: one.request, receivedAt: NOW })
      check(isDeepStrictEqual(explanation, again), 'not the same twice', explanation, again)
      const copy = redactedCopy(one)
      const [read] = saved(copy).slice(-1)
      check(read?.status === one.status, 'a copy has another status', copy)
      // What cannot be printed is not: a body may be JSON without it that was none.
      if (!read || /[^\n\r\t\u0020-\ud7ff\ue000-\ufefe]/.test(text)) continue
      const { kind, retryAfterMs } = explanation.verdict
      const judged = (await explain(savedResponseOf(read), { request: read.request, receivedAt: NOW })).verdict
      check(judged.kind === kind && judged.retryAfterMs === retryAfterMs, 'a copy is judged otherwise', judged, copy)
    }
  }),
  target('explain: recordings', recorded, async (text) => {
    const thrown = thrownBy(() => parseHar(text))
    if (thrown !== undefined)
      return check(thrown instanceof Error && !(thrown instanceof RangeError), 'no plain error', thrown)
    const summary = await explainHar(parseHar(text))
    check(typeof formatHarSummary(summary, {}) === 'string', 'no text')
  }),
  target('redact: texts', fc.tuple(bodies, fc.nat(1000)), ([text, at]) => {
    const from = Math.floor((at / 1000) * text.length)
    for (const one of [
      text,
      `${text.slice(0, from)} ${SECRET} ${text.slice(from)}`,
      `${text.slice(0, from)}${SECRET}`,
    ]) {
      const shown = redactor.text(one, 4000)
      check(!shown.includes(SECRET), 'a secret is shown', shown)
      check(shown.length <= 4001, 'too long', shown.length)
      check(redactor.text(one, 4000) === shown, 'not the same twice')
    }
  }),
  target('redact: URLs', values, (text) => {
    for (const one of [text, `https://api.test/v1/${text}?q=${text}`, `https://${text}@api.test/${SECRET}`])
      check(!redactor.url(one).includes(SECRET), 'a secret is shown', one)
  }),
  target(
    'llm: what was used',
    fc.record({
      url: fc.constantFrom(...LLM_URLS),
      body: usage,
      type: fc.constantFrom('application/json', 'text/event-stream', 'application/vnd.amazon.eventstream', ''),
      tokens: values,
    }),
    async ({ url, body, type, tokens }) => {
      const weigher = llm()
      const request = new Request(url, { method: 'POST', body: 'x' })
      const first = weigher(request, '{"model":"a","messages":[{"content":"hello"}]}')
      check(first === undefined || isWeight(first), 'no weight', first)
      const headers = new Headers({ 'content-type': type })
      if (/^[\t -~]*$/.test(tokens)) headers.set('x-ratelimit-tokens-query-cost', tokens.trim())
      const response = new Response(body, { headers })
      const settled: unknown[] = []
      weigher.answered?.({ request, response, settle: (weight) => void settled.push(weight) })
      check((await response.text()) === (await new Response(body).text()), 'another body')
      for (const weight of settled) check(isWeight(weight), 'no weight', weight)
    },
  ),
  {
    timed: true,
    ...target('nothing is slow', long, async (text) => {
      const header = text.slice(0, 16_384)
      await quick('limits', () => VALUE_NAMES.map((name) => readLimits({ [name]: header }, { receivedAt: NOW })))
      await quick('values', () => [
        parseReset(text, NOW),
        parseRetryAfter(text, NOW),
        parseDuration(text),
        readProse(text, NOW),
      ])
      await quick('bodies', () => readBody(jsonOf(text), NOW))
      await quick('classify', () => classifyResponse(new Response(text, { status: 429 }), { rules: EVERY }))
      await quick('classify JSON', () =>
        classifyResponse(Response.json({ message: text, error: { code: text } }, { status: 403 }), { rules: EVERY }),
      )
      await quick('redact', () => redactor.text(text, 4000))
      await quick('redact URL', () => redactor.url(`https://api.test/${text}?q=${text}`))
      await quick('curl', () => saved(`HTTP/1.1 429 No\nx-a: ${header}\n\n${text}`).map(redactedCopy))
      await quick('recordings', () => thrownBy(() => parseHar(text)))
      await quick('llm', async () => {
        const weigher = llm()
        const request = new Request(LLM_URLS[0], { method: 'POST', body: 'x' })
        weigher(request, text)
        const response = new Response(text, { headers: { 'content-type': 'text/event-stream' } })
        weigher.answered?.({ request, response, settle: () => undefined })
        await response.text()
      })
    }),
  },
]
