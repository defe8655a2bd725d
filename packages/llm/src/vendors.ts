import type { Weight } from '@aplomb/pipeline'
import type { Usage } from './usage.ts'

/** Whose rules a call is counted by. */
export type Vendor = 'openai' | 'azure' | 'anthropic' | 'gemini' | 'groq' | 'mistral' | 'bedrock'

/** What a call is thought to take, in tokens, before it is sent. */
export interface Estimate {
  /** From the text alone, as servers guess it. */
  readonly guess: number
  /** The same, corrected by what earlier calls of the model took. */
  readonly input: number
  /** Of all its answers: what earlier calls had, at most what it may have. */
  readonly output: number
  /** The most that all its answers may have, if the request says so. */
  readonly maxOutput: number | undefined
}

export interface Rules {
  /** Of its API. */
  readonly host: RegExp
  /** Where a gateway has the same API. */
  readonly path: RegExp
  /** Whether tokens that are read from a cache are free. */
  readonly freeCache?: boolean
  /** What the server takes when the request arrives. */
  readonly weight: (estimate: Estimate) => Weight
  /** Whether answers tell nothing that matters for the next. */
  readonly final?: boolean
  /** What it comes to. Without it, what was taken is not corrected. */
  readonly truth?: (usage: Pick<Usage, 'input' | 'output'> & { readonly model: string }) => Weight | undefined
}

const sum = ({ input, output }: Pick<Usage, 'input' | 'output'>): Weight | undefined =>
  input === undefined ? undefined : { tokens: input + (output ?? 0) }

/** Where input and output have limits of their own, besides one for both; output counts as it is made. */
const apart = ({ input, output }: Pick<Usage, 'input' | 'output'>): Weight | undefined =>
  input === undefined
    ? undefined
    : {
        'input-tokens': input,
        'output-tokens': { onArrival: 0, later: output ?? 0 },
        tokens: { onArrival: input, later: output ?? 0 },
      }

/** What a token of output takes, in tokens of input: docs.aws.amazon.com, "token burndown rates". */
const BURNDOWN: readonly (readonly [RegExp, number])[] = [
  [/claude-\w+-4-8/, 15],
  [/claude-(?:opus|sonnet|fable)-5/, 10],
  [/claude/, 5],
]
/** Set aside where a request does not say how much may come: the vendor takes the model's maximum, which is at least this. */
const UNSAID_OUTPUT = 4096

/** By which rules each counts, and how it is told. */
export const VENDORS: Readonly<Record<Vendor, Rules>> = {
  azure: {
    host: /\.(?:openai|cognitiveservices|services\.ai)\.azure\.com$/,
    path: /\/openai\/deployments\//,
    // Its estimate is added to a counter that is cleared every minute; what is billed is another number.
    weight: ({ guess, maxOutput, output }) => ({ tokens: guess + (maxOutput ?? output) }),
  },
  anthropic: {
    host: /^api\.anthropic\.com$/,
    path: /\/v1\/messages$/,
    // `max_tokens` plays no part. Tokens from a cache are not in `input_tokens`.
    weight: (estimate) => apart(estimate) ?? 0,
    truth: apart,
  },
  gemini: {
    host: /(?:^generativelanguage|aiplatform)\.googleapis\.com$/,
    path: /:(?:streamG|g)enerateContent$/,
    weight: ({ input }) => ({ tokens: input }),
    truth: ({ input }) => (input === undefined ? undefined : { tokens: input }),
  },
  bedrock: {
    host: /^bedrock-(?:runtime|mantle)[\w.-]*\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/,
    path: /\/model\/[^/]+\/(?:converse|invoke)(?:-with-response-stream|-stream)?$/,
    weight: ({ input, maxOutput = UNSAID_OUTPUT }) => ({ tokens: input + maxOutput }),
    truth: ({ input, output = 0, model }) => {
      const rate = BURNDOWN.find(([pattern]) => pattern.test(model))?.[1] ?? 1
      return input === undefined ? undefined : { tokens: input + output * rate }
    },
  },
  groq: {
    host: /^api\.groq\.com$/,
    path: /\/openai\/v1\/(?:chat\/completions|responses)$/,
    freeCache: true,
    weight: (estimate) => apart(estimate) ?? 0,
    truth: apart,
  },
  mistral: {
    host: /(?:^|\.)mistral\.ai$/,
    path: /\/v1\/fim\/completions$/,
    weight: (estimate) => sum(estimate) ?? 0,
    truth: sum,
  },
  openai: {
    host: /(?:^|\.)api\.openai\.com$/,
    path: /\/(?:chat\/completions|responses|embeddings)$/,
    final: true,
    // The larger of what may come and what the characters look like; no word of a correction.
    weight: ({ guess, maxOutput = 0 }) => ({ tokens: Math.max(guess, maxOutput) }),
  },
}

/** The vendor of an address: by its host, else by its path. */
export const vendorOf = ({ hostname, pathname }: URL): Vendor | undefined => {
  const all = Object.entries(VENDORS) as [Vendor, Rules][]
  const found = all.find(([, { host }]) => host.test(hostname)) ?? all.find(([, { path }]) => path.test(pathname))
  return found?.[0]
}

/** Where an address names the model: Azure's deployment, Gemini and Bedrock. */
export const modelIn = ({ pathname }: URL): string | undefined =>
  /\/(?:deployments|models?)\/([^/:]+(?::\d+)?)(?=[/:]|$)/.exec(decodeURIComponent(pathname))?.[1]
