import { describe, expect, it } from 'vitest'
import { signalOf } from '../src/signal.ts'
import { verdict } from './support.ts'

describe('what a verdict means for congestion', () => {
  it.each([
    ['ok', 'served'],
    ['missing', 'served'],
    ['billing', 'served'],
    ['concurrency-limited', 'refused in flight'],
    ['overloaded', 'overloaded'],
    ['server-error', 'failed'],
    ['network', 'failed'],
    ['aborted', 'says nothing'],
    ['unknown', 'says nothing'],
  ] as const)('%s: %s', (kind, signal) => {
    expect(signalOf(verdict(kind))).toBe(signal)
  })

  it('a rate limit is silent unless it names a time that is still to come', () => {
    const signal = (retryAfterMs?: number) => signalOf(verdict('rate-limited', { retryAfterMs }))
    expect([undefined, 0, -1, 1].map(signal)).toEqual([
      'refused silently',
      'refused silently',
      'refused silently',
      'refused until',
    ])
  })

  it('what only prose says is about that call alone', () => {
    expect(signalOf(verdict('rate-limited', { tentative: true }))).toBe('says nothing')
  })
})
