import { describe, expect, it } from 'vitest'
import { llm } from '../src/index.ts'
import { ANTHROPIC, apart, chat, GROQ, MISTRAL, OPENAI, prose, weigh, weighBy } from './support.ts'

const AZURE = 'https://mine.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1'
const GEMINI = 'https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse'
const BEDROCK = 'https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-5-v1%3A0/converse'

describe('each vendor counts by its own rules', () => {
  it.each([
    ['OpenAI: what may come', OPENAI, chat(400, { max_tokens: 300 }), { tokens: 300 }],
    ['OpenAI: or the text, if that is more', OPENAI, chat(4000, { max_tokens: 300 }), { tokens: 1000 }],
    ['OpenAI: several answers', OPENAI, chat(400, { max_completion_tokens: 300, n: 2 }), { tokens: 600 }],
    [
      'OpenAI: responses',
      'https://api.openai.com/v1/responses',
      { model: 'm', input: prose(400), max_output_tokens: 50 },
      { tokens: 100 },
    ],
    ['Azure: both', AZURE, chat(400, { max_tokens: 300 }), { tokens: 400 }],
    ['Azure: each of the best', AZURE, chat(400, { max_tokens: 300, best_of: 2 }), { tokens: 700 }],
    ['Anthropic: apart, whatever may come', ANTHROPIC, chat(400, { max_tokens: 30_000 }), apart(100, 500)],
    ['Anthropic: no more output than may come', ANTHROPIC, chat(400, { max_tokens: 30 }), apart(100, 30)],
    ['Anthropic: the system prompt', ANTHROPIC, { system: prose(400), max_tokens: 30, messages: [] }, apart(100, 30)],
    [
      'Gemini: input only',
      GEMINI,
      { contents: [{ parts: [{ text: prose(400) }] }], generationConfig: { maxOutputTokens: 9000 } },
      { tokens: 100 },
    ],
    ['Groq: apart, and both', GROQ, chat(400, { max_tokens: 30 }), apart(100, 30)],
    ['Mistral: both', MISTRAL, chat(400, { max_tokens: 30 }), { tokens: 130 }],
    [
      'Bedrock: all that may come is set aside',
      BEDROCK,
      { messages: [{ content: [{ text: prose(400) }] }], inferenceConfig: { maxTokens: 300 } },
      { tokens: 400 },
    ],
    ['Bedrock: which it decides if nothing is said', BEDROCK, chat(400), { tokens: 4196 }],
    [
      'an embedding has no output',
      'https://api.mistral.ai/v1/embeddings',
      { model: 'm', input: [prose(200), prose(199)] },
      { tokens: 100 },
    ],
  ])('%s', (_, url, body, weight) => {
    expect(weigh(url, body)).toEqual(weight)
  })
})

describe('the vendor is told', () => {
  it.each([
    ['https://gateway.test/v1/messages', apart(100, 30)],
    ['https://gateway.test/openai/deployments/gpt/chat/completions', { tokens: 130 }],
    ['https://gateway.test/v1beta/models/gemini:generateContent', { tokens: 100 }],
    ['https://gateway.test/model/a/converse-stream', { tokens: 130 }],
    ['https://gateway.test/v1/chat/completions', { tokens: 100 }],
    ['https://gateway.test/v1/lookup', undefined],
  ])('by the path, where the host is nobody´s: %s', (url, weight) => {
    expect(weigh(url, chat(400, { max_tokens: 30 }))).toEqual(weight)
  })

  it('by the option, for all requests or each', () => {
    const body = chat(400, { max_tokens: 30 })
    expect(weigh('https://gateway.test/chat', body, { vendor: 'mistral' })).toEqual({ tokens: 130 })
    expect(weigh(OPENAI, body, { vendor: () => 'anthropic' })).toEqual(apart(100, 30))
    expect(weigh(OPENAI, body, { vendor: () => undefined })).toEqual({ tokens: 100 })
    expect(weigh(OPENAI, body, { vendor: () => 'toString' as never })).toBeUndefined()
  })
})

describe('the text', () => {
  it('is what the model reads, tools included', () => {
    const tools = [{ name: prose(40), description: prose(359) }]
    expect(weigh(ANTHROPIC, { tools, metadata: { user: prose(400) }, max_tokens: 1 })).toEqual(apart(100, 1))
  })

  it('may be counted by a tokenizer', () => {
    const counted: unknown[] = []
    const tokens = (text: string, model: string): number => counted.push([text, model]) && 7
    expect(weigh(ANTHROPIC, { ...chat(3), max_tokens: 1 }, { tokens })).toEqual(apart(7, 1))
    expect(counted).toEqual([['a a', 'a-model']])
  })

  it('knows the model of an address', () => {
    const models: string[] = []
    const tokens = (_: string, model: string): number => models.push(model)
    for (const url of [AZURE, GEMINI, BEDROCK]) weigh(url, chat(4), { tokens })
    expect(models).toEqual(['gpt', 'gemini-3-pro', 'anthropic.claude-opus-5-v1:0'])
  })

  it('leaves out images: each counts a thousand', () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(100_000)}` } }
    const raw = { source: { data: 'A'.repeat(100_000) } }
    const [{ 'input-tokens': input }] = [weigh(ANTHROPIC, { messages: [{ content: [image, raw] }] }) as never] as [
      { readonly 'input-tokens': number },
    ]
    expect(input).toBe(2003)
  })

  it('may be nested as deep as it likes', () => {
    const body = `{"messages":${'['.repeat(50_000)}"${prose(400)}"${']'.repeat(50_000)}}`
    expect(weigh(MISTRAL, body)).toEqual({ tokens: 600 })
  })
})

describe('nothing is known', () => {
  it.each([
    ['of a body that is no string', undefined],
    ['of one that is no JSON', 'hello'],
    ['of one that is no object', '[1]'],
    ['of one that is nothing', 'null'],
  ])('%s', (_, body) => {
    const request = new Request(OPENAI, { method: 'POST', body: 'sent' })
    expect(llm()(request, body)).toBeUndefined()
  })

  it('of an address that is no model´s', () => {
    expect(weigh('https://api.test/v1/items', chat(4))).toBeUndefined()
  })
})

it('what asks no model takes nothing', () => {
  expect(weigh('https://api.openai.com/v1/models', undefined)).toEqual({ tokens: 0 })
  expect(weigh('https://api.anthropic.com/v1/models', undefined)).toEqual(apart(0, 0))
})

it('a limit that is no number is none', () => {
  for (const max_tokens of ['many', -1, null, 0])
    expect(weigh(MISTRAL, chat(400, { max_tokens }))).toEqual({ tokens: 600 })
})

it('two share nothing', async () => {
  const [one, other] = [llm(), llm()]
  const asked = weighBy(one, MISTRAL, chat(400))
  one.answered?.({
    request: asked.request,
    response: new Response('{"usage":{"prompt_tokens":200,"completion_tokens":9}}', {
      headers: { 'content-type': 'application/json' },
    }),
    settle: () => undefined,
  })
  expect(weighBy(other, MISTRAL, chat(400)).weight).toEqual({ tokens: 600 })
})

it('options that make no sense fail', () => {
  expect(() => llm({ vendor: 'open-ai' as never })).toThrow(/llm: vendor/)
  expect(() => llm({ tokens: 4 as never })).toThrow(/tokens must be a function, got 4/)
  expect(() => llm({ model: 'x' } as never)).toThrow(/model/)
})
