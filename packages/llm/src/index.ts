import { callback, either, type KindsOf, oneOf, readOptions, type Weigher, type Weight } from '@aplomb/pipeline'
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
  readonly vendor: Vendor
  readonly model: string
  /** Whether no output comes of it. */
  readonly silent: boolean
}

/** A request that was weighed. */
interface Asked extends Pick<Target, 'vendor' | 'model'>, Pick<Estimate, 'guess' | 'maxOutput'> {
  readonly choices: number
  readonly seen: Seen
}

const NOTHING: Estimate = { guess: 0, input: 0, output: 0, maxOutput: 0 }

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
  const weighed = new WeakMap<Request, Asked>()

  const seenOf = (id: string): Seen => {
    const seen = models.get(id) ?? { guess: newMean(), input: newMean(), output: newMean() }
    // The latest goes last: the first is the one that was not used for longest.
    models.delete(id)
    models.set(id, seen)
    const [oldest] = models.keys()
    if (models.size > MOST_MODELS && oldest !== undefined) models.delete(oldest)
    return seen
  }

  /** What is found out once: the rest changes with every answer. */
  const read = (prompt: Prompt, { vendor, model, silent }: Target): Asked => {
    const { text, media, choices } = prompt
    const guess = Math.ceil(tokens(text, model) + media * TOKENS_PER_MEDIUM)
    const maxOutput = prompt.maxOutput === undefined ? undefined : prompt.maxOutput * choices
    const seen = seenOf(`${vendor} ${model}`)
    return { vendor, model, guess, choices, maxOutput: silent ? 0 : maxOutput, seen }
  }

  const outputOf = ({ choices, maxOutput = Infinity, seen }: Asked): number =>
    Math.ceil(Math.min(seen.output.value ?? FIRST_OUTPUT * choices, maxOutput))

  const weightOf = (asked: Asked): Weight => {
    const { vendor, guess, maxOutput, seen } = asked
    const input = Math.ceil(guess * ((seen.input.value ?? 1) / (seen.guess.value || 1)))
    const output = outputOf(asked)
    return VENDORS[vendor].weight({ guess, input, output, maxOutput })
  }

  const weigh: Weigher = (request, body) => {
    const known = weighed.get(request)
    if (known) return weightOf(known)
    const url = new URL(request.url)
    const vendor = (typeof named === 'function' ? named(request) : named) ?? vendorOf(url)
    if (vendor === undefined || !Object.hasOwn(VENDORS, vendor)) return undefined
    // A list of models takes none of them.
    if (request.method === 'GET' || request.method === 'HEAD') return VENDORS[vendor].weight(NOTHING)
    const prompt = body === undefined ? undefined : readPrompt(body)
    if (prompt === undefined) return undefined
    const model = modelIn(url) ?? prompt.model ?? ''
    const asked = read(prompt, { vendor, model, silent: SILENT.test(url.pathname) })
    weighed.set(request, asked)
    return weightOf(asked)
  }

  const answered: Weigher['answered'] = ({ request, response, settle }) => {
    const asked = weighed.get(request)
    if (asked === undefined || VENDORS[asked.vendor].final) return
    const { vendor, model, guess, maxOutput, seen } = asked
    const { freeCache, truth } = VENDORS[vendor]

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
      settle(truth?.({ model, input, output: output ?? outputOf(asked) }) ?? weightOf(asked))
    }
    // What is still to be charged is not waited for any longer: then the estimate stands.
    const hear = (usage: Usage | undefined): void => {
      if (usage === undefined) settle(weightOf(asked))
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
