import { createFetch, type CallEvent, type Fetch } from '@aplomb/pipeline'
import { classify } from '@aplomb/classify'
import type { CreditMeter } from '../src/index.ts'

export const URL_A = 'https://api.example.com/v1/lookup/8.8.8.8'
export const KEY = 'https://api.example.com'

/** A pipeline of a meter and classify on `inner`, with the events of all its calls. */
export const pipelineOf = (meter: CreditMeter, inner: Fetch): { fetch: Fetch; events: CallEvent[] } => {
  const events: CallEvent[] = []
  const fetch = createFetch([meter, classify()], { fetch: inner, onEvent: (event) => events.push(event) })
  return { fetch, events }
}

export const costs = (credits: number, headers: Record<string, string> = {}): { headers: Record<string, string> } => ({
  headers: { 'x-credits-charged': String(credits), ...headers },
})
