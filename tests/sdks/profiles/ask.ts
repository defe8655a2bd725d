import { classifyResponse, type Rule } from '@aplomb/classify'
import { readLimits } from '@aplomb/limits'
import type { MockApi } from '@aplomb/mock-api'
import type { Verdict } from '@aplomb/pipeline'

/** What a test looks at of a verdict, with rules for what is refused in a 200. */
export const judged = async (response: Response, ...rules: readonly Rule[]): Promise<Partial<Verdict>> => {
  const { kind, retryable, retryAfterMs, message, code, requestId } = await classifyResponse(response, { rules })
  return { kind, retryable, retryAfterMs, message, code, requestId }
}

/** The windows that an answer tells, by name. */
export const told = (response: Response): Record<string, unknown> =>
  Object.fromEntries(
    readLimits(response).windows.map(({ name, limit, remaining, resetMs }) => [
      name ?? 'default',
      { limit, remaining, resetMs },
    ]),
  )

export const post = (api: MockApi, url: string, headers: Record<string, string>, body: unknown): Promise<Response> =>
  api.fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

/** What a call rejects with; it fails if the call does not. */
export const fault = async (call: PromiseLike<unknown>): Promise<unknown> => {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('it was answered')
}

export const all = async <One>(stream: AsyncIterable<One>): Promise<One[]> => {
  const ones: One[] = []
  for await (const one of stream) ones.push(one)
  return ones
}
