import { readFileSync } from 'node:fs'
import { rules } from '@aplomb/classify'
import { vi } from 'vitest'
import { type Case, expectedOf, responseOf } from '../../../classify/test/support/cases.ts'
import { aplomb, verdictOf } from '../../src/index.ts'
import { outcomes, timed } from './time.ts'

export const casesIn = (file: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(`../../../classify/test/${file}.json`, import.meta.url), 'utf8')) as Case[]

/** What one call did whose first answer was that of a case, with a 200 to every later request. */
export interface Course {
  readonly name: string
  /** The answer came in at this moment, in epoch milliseconds. */
  readonly receivedAt: number
  readonly status: number
  readonly headers: Headers
  /** What the documentation says that the answer means. */
  readonly expect: {
    readonly kind?: unknown
    readonly retryable?: boolean
    readonly waitMs?: number | null
    readonly resetMs?: number
  }
  readonly method: string
  /** When each request was sent, in milliseconds from the beginning of the call. */
  readonly sentAt: readonly number[]
  /** When the caller had its answer, on the same clock. */
  readonly settledAt: number
  /** The place of the caller's answer among those that the server gave; -1 if it is another object. */
  readonly got: number
  /** Whether the caller got a body that nobody had read, and every byte of what the server sent. */
  readonly intact: boolean
  /** What the verdict on the caller's answer says about when to come back, in epoch milliseconds. */
  readonly retryAt: number | undefined
  readonly timersLeft: number
}

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** Makes the call at the moment of the case. */
export const courseOf = async (one: Case, method: string): Promise<Course> => {
  const receivedAt = Date.parse(one.receivedAt)
  vi.setSystemTime(receivedAt)
  const answers: Response[] = []
  const answer = (): Response => (answers.length === 0 ? responseOf(one) : new Response('served'))
  const server = timed(async () => answers[answers.push(answer()) - 1]!)
  const fetch = aplomb({ fetch: server, classify: { rules: Object.values(rules) } })

  const began = performance.now()
  const init = method === 'POST' ? { method, body: 'an order' } : { method }
  const [outcome] = await outcomes([fetch('https://api.test/v1/x', init)])
  if (!outcome || !('value' in outcome)) throw outcome?.error
  const settledAt = performance.now() - began
  const timersLeft = vi.getTimerCount()

  const { value: response } = outcome
  const got = answers.indexOf(response)
  const unread = !response.bodyUsed && response.body?.locked !== true
  const sent = await bytesOf(got > 0 ? new Response('served') : responseOf(one))
  return {
    name: `${one.api}: ${one.case}`,
    receivedAt,
    status: one.status,
    headers: new Headers(one.headers),
    expect: expectedOf(one),
    method,
    sentAt: server.times,
    settledAt,
    got,
    intact: unread && sent.equals(await bytesOf(response)),
    retryAt: verdictOf(response).retryAt?.getTime(),
    timersLeft,
  }
}
