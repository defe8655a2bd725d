import { callback, either, type KindsOf, oneOf, readOptions, type Weigher } from '@aplomb/pipeline'
import { type Mean, newMean } from './means.ts'
import { type Prompt, readPrompt } from './prompt.ts'
import { isReadable, newReader } from './reader.ts'
import { tap } from './tap.ts'
import type { Usage } from './usage.ts'
import { type Estimate, modelIn, type Vendor, vendorOf, VENDORS } from './vendors.ts'

export type { Vendor } from './vendors.ts'

/** Options of {@link llm}. */
export interface LlmOptions {
  /** Whose rules count: for a gateway, whose address does not tell. @default told by host, then by path */
  readonly vendor?: Vendor | ((request: Request) => Vendor | undefined) | undefined
  /** How many tokens a text has. @default a quarter of its length */
  readonly tokens?: ((text: string, model: string) => number) | undefined
}

/** What each option takes. */
const llmOptions: KindsOf<LlmOptions> = {
  vendor: either(oneOf('openai', 'azure', 'anthropic', 'gemini', 'groq', 'mistral', 'bedrock'), callback),
  tokens: callback,
}

/** English, of the tokenizers of today. */
const CHARS_PER_TOKEN = 4
/** An image of a megapixel. */
const TOKENS_PER_MEDIUM = 1000
/** Before any answer of a model was seen. */
const FIRST_OUTPUT = 500
/** Models whose means are kept. */
const MOST_MODELS = 256

/** What was seen of a model. */
interface Seen {
  readonly guess: Mean
  readonly input: Mean
  readonly output: Mean
}

/** What a request is for. */
interface Target {
  readonly model: string
  /** Whether no output comes of it. */
  readonly silent: boolean
  readonly seen: Seen
}

/** A request that was weighed. */
interface Weighed extends Estimate {
  readonly vendor: Vendor
  readonly seen: Seen
}

const NOTHING: Estimate = { model: '', guess: 0, input: 0, output: 0, maxOutput: 0 }

/** Calls that make a model write nothing. */
const SILENT = /\/(?:embeddings|moderations|rerank|count_tokens)$|:(?:batchEmbedContents|embedContent|countTokens)$/

/** A header's count of tokens. */
const countIn = ({ headers }: Response, name: string): number | undefined => {
  const value = headers.get(name)
  return value !== null && /^\d{1,12}$/.test(value) ? Number(value) : undefined
}

/**
 * Weighs calls to language models in tokens: by an estimate before they are sent, by headers or `usage` afterwards.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = aplomb({ weight: llm() })
 */
export const llm = (options: LlmOptions = {}): Weigher => {
  const { vendor: named, tokens = (text: string) => text.length / CHARS_PER_TOKEN } = readOptions(
    'llm',
    options,
    llmOptions,
  )
  const models = new Map<string, Seen>()
  const weighed = new WeakMap<Request, Weighed>()

  const seenOf = (id: string): Seen => {
    const seen = models.get(id) ?? { guess: newMean(), input: newMean(), output: newMean() }
    // The latest goes last: the first is the one that was not used for longest.
    models.delete(id)
    models.set(id, seen)
    const [oldest] = models.keys()
    if (models.size > MOST_MODELS && oldest !== undefined) models.delete(oldest)
    return seen
  }

  const estimate = (prompt: Prompt, { model, silent, seen }: Target): Estimate => {
    const { text, media, choices } = prompt
    const guess = tokens(text, model) + media * TOKENS_PER_MEDIUM
    const ratio = (seen.input.value ?? 1) / (seen.guess.value || 1)
    const maxOutput = prompt.maxOutput === undefined || silent ? undefined : prompt.maxOutput * choices
    const expected = silent ? 0 : Math.min(seen.output.value ?? FIRST_OUTPUT * choices, maxOutput ?? Infinity)
    const [input, output] = [Math.ceil(guess * ratio), Math.ceil(expected)]
    return { model, guess: Math.ceil(guess), input, output, maxOutput: silent ? 0 : maxOutput }
  }

  const weigh: Weigher = (request, body) => {
    const url = new URL(request.url)
    const vendor = (typeof named === 'function' ? named(request) : named) ?? vendorOf(url)
    if (vendor === undefined || !Object.hasOwn(VENDORS, vendor)) return undefined
    const { weight } = VENDORS[vendor]
    // A list of models takes none of them.
    if (request.method === 'GET' || request.method === 'HEAD') return weight(NOTHING)
    const prompt = body === undefined ? undefined : readPrompt(body)
    if (prompt === undefined) return undefined
    const model = modelIn(url) ?? prompt.model ?? ''
    const seen = seenOf(`${vendor} ${model}`)
    const found = estimate(prompt, { model, silent: SILENT.test(url.pathname), seen })
    weighed.set(request, { ...found, vendor, seen })
    return weight(found)
  }

  const answered: Weigher['answered'] = ({ request, response, settle }) => {
    const asked = weighed.get(request)
    if (asked === undefined || VENDORS[asked.vendor].final) return
    const { vendor, model, guess, maxOutput, seen } = asked
    const { freeCache, truth, weight } = VENDORS[vendor]

    const cost = countIn(response, 'x-ratelimit-tokens-query-cost')
    if (cost !== undefined) settle({ tokens: cost })

    let learned = false
    const learn = ({ input: all, cached, output }: Usage): void => {
      learned = true
      const input = all !== undefined && freeCache ? Math.max(0, all - cached) : all
      if (input !== undefined) {
        seen.guess.add(guess)
        seen.input.add(input)
      }
      if (output !== undefined && maxOutput !== 0) seen.output.add(output)
      settle(truth?.({ model, input, output: output ?? asked.output }) ?? weight(asked))
    }
    // What is still to be charged is not waited for any longer: then the estimate stands.
    const hear = (usage: Usage | undefined): void => {
      if (usage === undefined) settle(weight(asked))
      else if (!learned) learn(usage)
    }
    const input = countIn(response, 'x-amzn-bedrock-input-token-count')
    const output = countIn(response, 'x-amzn-bedrock-output-token-count')
    const contentType = response.headers.get('content-type') ?? ''
    if (input !== undefined) hear({ input, cached: 0, output })
    else if (!isReadable(contentType) || !tap(response, () => newReader(contentType, hear))) hear(undefined)
  }

  return Object.assign(weigh, { answered })
}
