import type { Verdict, VerdictKind } from '../../src/index.ts'

/** A recorded or documented answer, and what it means. */
export interface Case {
  readonly api: string
  readonly case: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** What was asked, where that matters. */
  readonly url?: string
  readonly receivedAt: string
  readonly expect: Readonly<Record<string, unknown>> & { readonly kind: string }
}

const KINDS: Readonly<Record<string, VerdictKind>> = {
  'rate-limit': 'rate-limited',
  'concurrency-limit': 'concurrency-limited',
  'invalid-request': 'invalid',
  auth: 'unauthenticated',
  permission: 'forbidden',
  'not-found': 'missing',
  validation: 'unprocessable',
}

export const textOf = ({ body }: Case): string =>
  body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body)

export const responseOf = (one: Case): Response =>
  new Response(one.body === null ? null : textOf(one), { status: one.status, headers: one.headers })

/** The expectation in our words. */
export const expectedOf = ({ expect }: Case): Record<string, unknown> => ({
  ...expect,
  kind: KINDS[expect.kind] ?? expect.kind,
})

/** Those fields of a verdict that the case speaks of, under its names. */
export const fieldsOf = (verdict: Verdict, { expect }: Case): Record<string, unknown> => {
  const { windows, concurrency, credits } = verdict.limits
  const fields: Record<string, unknown> = {
    kind: verdict.kind,
    retryable: verdict.retryable,
    waitMs: verdict.retryAfterMs ?? null,
    message: verdict.message,
    requestId: verdict.requestId,
    limit: windows[0]?.limit,
    remaining: windows[0]?.remaining,
    resetMs: windows[0]?.resetMs,
    concurrencyLimit: concurrency?.limit,
    concurrencyActive: concurrency?.active,
    creditsCost: credits?.cost,
    creditsRemaining: credits?.remaining,
  }
  return Object.fromEntries(Object.keys(expect).map((key) => [key, fields[key]]))
}
