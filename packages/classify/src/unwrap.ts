import { newVerdict } from '@aplomb/pipeline'
import { classifyResponse } from './classify.ts'
import { errorFor } from './errors.ts'
import { wallIn } from './foreign.ts'
import type { ClassifyResponseOptions } from './options.ts'

/**
 * The parsed body of an answer, `null` where there is nothing (204, no record, an empty body), or an exception.
 * A body that does not call itself JSON is returned as text.
 *
 * @throws {ApiError} a subclass for each kind of refusal; its `response` still has its body.
 * @example
 * ```ts
 * const place = await unwrap<Place>(fetch('https://api.example.com/v1/lookup/192.0.2.1'))
 * ```
 */
export const unwrap = async <T>(
  response: Response | PromiseLike<Response>,
  options?: ClassifyResponseOptions,
): Promise<T | null> => {
  const settled = await response
  const verdict = await classifyResponse(settled, options)
  if (verdict.kind === 'empty') {
    void settled.body?.cancel().catch(() => {}) // frees the connection
    return null
  }
  if (verdict.kind !== 'ok') throw errorFor(verdict, settled)
  const type = settled.headers.get('content-type') ?? 'application/json'
  const copy = /\bhtml\b/i.test(type) ? settled.clone() : undefined
  const text = await settled.text()
  const wall = copy && wallIn(text)
  if (copy && wall !== undefined) {
    const evidence = `${settled.status}, a page says "${wall}"`
    const found = { kind: 'forbidden', status: settled.status, receivedAt: Date.now(), evidence } as const
    throw errorFor(newVerdict(found), copy)
  }
  void copy?.body?.cancel().catch(() => {})
  if (text.trim() === '') return null
  return (/\bjson\b/i.test(type) ? JSON.parse(text) : text) as T
}
