import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type OwnLimits, ownLimits } from '../src/index.ts'

useFakeTime()

const request = (path: string, method = 'GET'): Request => new Request(`https://api.test/${path}`, { method })
const now = (): number => performance.now()

/** Sent now, heard of 10 ms later. */
const refuse = (limits: OwnLimits, path: string, method?: string): ReturnType<OwnLimits['refused']> => {
  const at = now()
  vi.advanceTimersByTime(10)
  return limits.refused(request(path, method), at)
}
const serve = (limits: OwnLimits, path: string, method?: string): void => {
  const at = now()
  vi.advanceTimersByTime(10)
  limits.served(request(path, method), at)
}

describe('an endpoint with a limit of its own', () => {
  it('is refused three times in a row, while another that was asked in between is served', () => {
    const limits = ownLimits()
    expect(refuse(limits, 'search')).toBeUndefined()
    serve(limits, 'users')
    expect(refuse(limits, 'search')).toBeUndefined()
    expect(refuse(limits, 'search')).toBe('found')
    expect(refuse(limits, 'search')).toBe('known')
  })

  it('whatever the ids in its path; another method is another endpoint', () => {
    const limits = ownLimits()
    refuse(limits, 'items/1001', 'POST')
    serve(limits, 'items/1002')
    refuse(limits, 'items/1003', 'POST')
    expect(refuse(limits, 'items/1004', 'POST')).toBe('found')
  })

  it('is not one once it was served', () => {
    const limits = ownLimits()
    for (let i = 0; i < 3; i++) {
      refuse(limits, 'search')
      serve(limits, 'users')
    }
    serve(limits, 'search')
    expect(refuse(limits, 'search')).toBeUndefined()
  })

  it('not if nobody else was served, or only what was sent before the first refusal', () => {
    const limits = ownLimits()
    for (let i = 0; i < 5; i++) expect(refuse(limits, 'search')).toBeUndefined()
    const late = ownLimits()
    const sentAt = now()
    vi.advanceTimersByTime(5)
    refuse(late, 'search')
    late.served(request('users'), sentAt)
    for (let i = 0; i < 5; i++) expect(refuse(late, 'search')).toBeUndefined()
  })

  it('a hundred are remembered, the latest', () => {
    const limits = ownLimits()
    refuse(limits, 'first')
    for (let i = 0; i < 100; i++) refuse(limits, `path${String.fromCharCode(97 + (i % 26))}/${'x'.repeat(1 + i / 26)}`)
    serve(limits, 'users')
    refuse(limits, 'first')
    expect(refuse(limits, 'first')).toBeUndefined()
  })
})
