import type { Weigher, Weight } from '@aplomb/pipeline'
import { llm, type LlmOptions } from '../src/index.ts'

export const OPENAI = 'https://api.openai.com/v1/chat/completions'
export const ANTHROPIC = 'https://api.anthropic.com/v1/messages'
export const GROQ = 'https://api.groq.com/openai/v1/chat/completions'
export const MISTRAL = 'https://api.mistral.ai/v1/chat/completions'

export const prose = (chars: number): string => 'a '.repeat(chars).slice(0, chars)

/** A body whose model reads so many characters. */
export const chat = (chars: number, more: object = {}): object => ({
  model: 'a-model',
  messages: [{ content: prose(chars) }],
  ...more,
})

/** What a call of this body weighs. */
export const weigh = (url: string, body: object | string | undefined, options: LlmOptions = {}): Weight | undefined =>
  weighBy(llm(options), url, body).weight

export interface Asked {
  readonly request: Request
  readonly weight: Weight | undefined
}

export const weighBy = (weigher: Weigher, url: string, body: object | string | undefined): Asked => {
  const request = new Request(url, body === undefined ? {} : { method: 'POST', body: 'sent' })
  return { request, weight: weigher(request, typeof body === 'object' ? JSON.stringify(body) : body) }
}

/** Answers it, and gathers what is settled. */
export const answer = (weigher: Weigher, { request }: Asked, response: Response): readonly Weight[] => {
  const settled: Weight[] = []
  weigher.answered?.({ request, response, settle: (weight) => void settled.push(weight) })
  return settled
}

/** The same for one that is read to the end. */
export const readAnswer = async (weigher: Weigher, asked: Asked, response: Response): Promise<readonly Weight[]> => {
  const settled = answer(weigher, asked, response)
  await response.text()
  return settled
}

export const events = (...all: readonly unknown[]): string =>
  all.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')

export const stream = (text: string, type = 'text/event-stream'): Response =>
  new Response(text, { headers: { 'content-type': type } })

/** What is weighed apart: input on arrival, output as it is made. */
export const apart = (input: number, output: number): Weight => ({
  'input-tokens': input,
  'output-tokens': { onArrival: 0, later: output },
  tokens: { onArrival: input, later: output },
})
