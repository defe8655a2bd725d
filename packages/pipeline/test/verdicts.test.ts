import { describe, expect, it, vi } from 'vitest'
import {
  carryVerdict,
  newVerdict,
  peekedBody,
  peekedWhole,
  setAside,
  setReading,
  setVerdict,
  verdictOf,
  verdictOfError,
} from '../src/index.ts'

const found = newVerdict({ kind: 'billing', receivedAt: 0, status: 429, evidence: '429, a word' })
const read = newVerdict({ kind: 'quota-exhausted', receivedAt: 0, status: 429, evidence: '429, a header' })
const answer = (): Response => new Response('text', { status: 429, headers: { 'retry-after': '1' } })

describe('every response is judged once, and every layer reads the same verdict', () => {
  it('by nobody: plainly, and at the time of the first look', () => {
    vi.useFakeTimers({ now: 1000 })
    const response = answer()
    const verdict = verdictOf(response)
    vi.setSystemTime(9000)
    expect(verdictOf(response)).toBe(verdict)
    expect(verdict).toMatchObject({ kind: 'rate-limited', retryAt: new Date(2000) })
    vi.useRealTimers()
  })

  it('who has read all there is comes before who has read the head, and that one before the plain judge', () => {
    const response = answer()
    verdictOf(response)
    setReading(response, read)
    expect(verdictOf(response)).toBe(read)
    setVerdict(response, found)
    expect(verdictOf(response)).toBe(found)
    setReading(response, read)
    expect(verdictOf(response)).toBe(found)
  })

  it('an error, also in another that it has caused, but for who has ended the call', () => {
    const error = new Error('of a kind that only its judge knows')
    const verdict = newVerdict({ kind: 'network', receivedAt: 0, evidence: 'known' })
    setVerdict(error, verdict)
    expect(verdictOfError(error)).toBe(verdict)
    expect(verdictOfError(new Error('wrapped', { cause: error }))).toBe(verdict)
    expect(verdictOfError(error, { signal: AbortSignal.abort() }).kind).toBe('aborted')
    expect(verdictOfError(new Error('another')).kind).toBe('unknown')
  })
})

describe('what was read of a body', () => {
  it('is kept with the verdict', () => {
    const response = answer()
    expect(peekedBody(response)).toBeUndefined()
    setVerdict(response, found, { text: 'te', whole: false })
    expect(peekedBody(response)).toBe('te')
  })

  it('says whether the response can be kept while its call waits: else it is given up', () => {
    const [none, part, all, empty] = [answer(), answer(), answer(), new Response(null, { status: 429 })]
    setVerdict(part, found, { text: 'te', whole: false })
    setVerdict(all, found, { text: 'text', whole: true })
    expect([none, part, all, empty].map(peekedWhole)).toEqual([false, false, true, true])
    expect([none, part, all, empty].map(setAside)).toEqual([undefined, undefined, all, empty])
    expect(all.bodyUsed).toBe(false)
    expect([none.bodyUsed, part.bodyUsed]).toEqual([true, true])
  })

  it('goes with the verdict to a response that was wrapped', () => {
    const [first, second] = [answer(), answer()]
    setVerdict(first, found, { text: 'text', whole: true })
    expect(carryVerdict(first, second)).toBe(second)
    expect([verdictOf(second), peekedBody(second), peekedWhole(second)]).toEqual([found, 'text', true])
    const third = carryVerdict(new Response(null, { status: 500 }), new Response(null, { status: 503 }))
    expect(verdictOf(third).kind).toBe('overloaded')
  })
})
