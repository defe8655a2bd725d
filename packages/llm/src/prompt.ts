/** What the body of a request says about its size. */
export interface Prompt {
  readonly model: string | undefined
  /** All text that the model reads. */
  readonly text: string
  /** Images, files and sounds, which no length tells the tokens of. */
  readonly media: number
  /** The most tokens that each answer may have, if the request says so. */
  readonly maxOutput: number | undefined
  /** How many answers are asked for. */
  readonly choices: number
}

type Fields = Readonly<Record<string, unknown>>

/** Where the vendors' requests have what the model reads. */
const READ = [
  'messages',
  'system',
  'input',
  'instructions',
  'prompt',
  'inputText',
  'contents',
  'content',
  'systemInstruction',
  'system_instruction',
  'tools',
  'toolConfig',
  'functions',
  'response_format',
  'text',
] as const

/** Where they say how much the model may write at most. */
const MOST = [
  'max_completion_tokens',
  'max_output_tokens',
  'max_tokens',
  'max_tokens_to_sample',
  'max_gen_len',
  'maxOutputTokens',
  'maxTokens',
  'maxTokenCount',
] as const
const CHOICES = ['best_of', 'n', 'candidateCount'] as const

/** Bytes as text: longer than a word, and without a space. */
const BASE64 = /^(?:data:[\w.+/-]{1,80}[;,]|[A-Za-z0-9+/_-]{512})/

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined

const firstOf = (names: readonly string[], places: readonly unknown[]): number | undefined => {
  for (const place of places)
    for (const name of names) {
      const found = isObject(place) ? wholeNumber(place[name]) : undefined
      if (found !== undefined) return found
    }
  return undefined
}

/** Gathers the strings in a value. Not recursive: what a user nests must not end the program. */
const gather = (fields: Fields): { readonly text: string; readonly media: number } => {
  const texts: string[] = []
  let media = 0
  const todo: unknown[] = READ.map((name) => fields[name]).toReversed()
  while (todo.length > 0) {
    const value = todo.pop()
    if (typeof value === 'string') {
      if (BASE64.test(value)) media++
      else texts.push(value)
    } else if (Array.isArray(value)) todo.push(...value.slice(0, 100_000).toReversed())
    else if (isObject(value)) todo.push(...Object.values(value).toReversed())
  }
  return { text: texts.join('\n'), media }
}

/** Reads the body of a request; undefined if it is not a JSON object. */
export const readPrompt = (body: string): Prompt | undefined => {
  let fields: unknown
  try {
    fields = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isObject(fields) || Array.isArray(fields)) return undefined
  const { model } = fields
  const places = [fields, fields['generationConfig'], fields['inferenceConfig'], fields['textGenerationConfig']]
  return {
    model: typeof model === 'string' ? model : undefined,
    ...gather(fields),
    maxOutput: firstOf(MOST, places),
    choices: firstOf(CHOICES, places) ?? 1,
  }
}
