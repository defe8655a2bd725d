import { judgeHead, verdictOf, verdictOfError } from '@aplomb/pipeline'
import { createFetch } from '@aplomb/pipeline'
import { describe, expect, it } from 'vitest'
import { classify, classifyError, classifyResponse } from '../src/index.ts'

const NOW = Date.parse('2026-01-15T12:00:00Z')

describe('where status and plain headers are all there is, the pipeline’s own judge comes to the same verdict', () => {
  const headers: readonly Record<string, string>[] = [
    {},
    { 'retry-after': '0' },
    { 'retry-after': '30' },
    { 'retry-after': 'Thu, 15 Jan 2026 12:00:30 GMT', date: 'Thu, 15 Jan 2026 12:00:00 GMT' },
    { 'x-should-retry': 'true' },
    { 'x-should-retry': 'false', 'retry-after': '5' },
  ]
  it.each(headers)('%j', async (these) => {
    for (let status = 200; status < 600; status++) {
      const response = new Response(null, { status, headers: these })
      const full = await classifyResponse(response, { receivedAt: NOW })
      const { evidence: _, ...plain } = judgeHead(response, undefined, NOW)
      expect(full).toMatchObject(plain)
    }
  })
})

describe('classify() notes the verdict on an error for the layers above', () => {
  const coded = (code: string): Error =>
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })

  it('which know less', async () => {
    const error = coded('HPE_INVALID_TRANSFER_ENCODING')
    expect(verdictOfError(error).retryable).toBe(true)
    const fetch = createFetch([classify()], { fetch: () => Promise.reject(error) })
    await expect(fetch('https://api.test/')).rejects.toBe(error)
    expect(verdictOfError(error)).toEqual(classifyError(error))
    expect(verdictOfError(error).retryable).toBe(false)
  })

  it('of each call anew, should one error be thrown for several', async () => {
    const error = coded('ECONNREFUSED')
    const fetch = createFetch([classify()], { fetch: () => Promise.reject(error) })
    for (const url of ['data:text/plain,a', 'https://api.test/']) {
      await fetch(url).catch(() => undefined)
      expect(verdictOfError(error)).toEqual(classifyError(error, { request: { url } }))
    }
  })

  it('whatever was thrown', async () => {
    for (const thrown of ['text', undefined, Object.freeze(new Error('frozen'))]) {
      const fetch = createFetch([classify()], { fetch: () => Promise.reject(thrown) })
      await expect(fetch('https://api.test/')).rejects.toBe(thrown)
    }
  })
})

describe('a verdict from the head alone', () => {
  it('does not keep classify from reading the body', async () => {
    const response = Response.json({ code: 'insufficient_quota' }, { status: 429 })
    expect(verdictOf(response).kind).toBe('rate-limited')
    expect((await classifyResponse(response)).kind).toBe('quota-exhausted')
    expect(verdictOf(response).kind).toBe('quota-exhausted')
  })
})
