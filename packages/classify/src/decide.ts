import { atCeiling, emptyWindow, exhausted, HOUR, isAllowance, MINUTE, type CodeRow, zeroLimit } from '@aplomb/limits'
import { errorHeaders, plans } from '@aplomb/limits/vendors'
import { byStatus, KINDS } from '@aplomb/pipeline'
import { namesRate, rowFor } from './codes.ts'
import { challenge } from './foreign.ts'
import { limitsOnlyConcurrency } from './hosts.ts'
import type { Answer, Decision, Finding } from './types.ts'
import { wordingOf } from './words.ts'

/** Looks at one kind of sign. */
type Sign = (answer: Answer) => Decision | undefined

const fromCodes = (
  codes: readonly string[],
  status: number,
  where: string,
): (Finding & Pick<CodeRow, 'vague' | 'anyPeriod'>) | undefined => {
  const hit = rowFor(codes, status)
  if (!hit) return undefined
  const { kind, vague, anyPeriod } = hit.row
  return { kind, sign: `${where} "${hit.code}"`, code: hit.code, vague, anyPeriod }
}

/** The problem types of the IETF draft, with the policies that were violated. */
const problemType: Sign = ({ json, limits }) => {
  const { type, 'violated-policies': violated } = (typeof json === 'object' && json !== null ? json : {}) as Record<
    string,
    unknown
  >
  const name = typeof type === 'string' ? /http-problem-types#([\w-]+)$/.exec(type)?.[1] : undefined
  if (name === undefined) return undefined
  const sign = `problem type ${name}`
  if (name === 'temporary-reduced-capacity') return { kind: 'overloaded', sign, code: name }
  if (name !== 'quota-exceeded' && name !== 'abnormal-usage-detected') return undefined
  const policies: readonly unknown[] = Array.isArray(violated) ? violated : []
  const { concurrency, windows } = limits
  if (concurrency?.name !== undefined && policies.includes(concurrency.name)) {
    return { kind: 'concurrency-limited', sign: `${sign}, policy "${concurrency.name}"`, code: name }
  }
  const window = windows.find((one) => one.name !== undefined && policies.includes(one.name))
  const kind = window && name === 'quota-exceeded' && isAllowance(window) ? 'quota-exhausted' : 'rate-limited'
  return { kind, sign, code: name }
}

/** A header made to name the limit: `Stripe-Rate-Limited-Reason`, `X-Rate-Limit-Problem`, `x-amzn-ErrorType`. */
const reasonHeader: Sign = ({ limits: { reason }, status, words, header }) => {
  const plan = plans.find(
    (row) => row.on.includes(status) && row.words.test(words) && row.beside.some((name) => header(name) !== undefined),
  )
  if (plan) return { kind: plan.kind, sign: `message says "${words}"`, code: reason }
  if (reason === undefined) return undefined
  const found = fromCodes([reason], status, 'reason')
  return found?.vague ? undefined : found
}

const concurrencyHeaders: Sign = ({ limits, status }) => {
  const full = atCeiling(limits, status)
  return full && { ...full, by: 'ceiling' }
}

/** A code that says which limit; else one that says there is one, with the words or the windows that tell which. */
const codeThenWords: Sign = (answer) => {
  const { codes, status, words, limits, waitMs } = answer
  const found = fromCodes(codes, status, 'code')
  // With Retry-After a 5xx is transient, whatever its code says of the request.
  const isPassing = status >= 500 && limits.retryAfterMs !== undefined
  const code = isPassing && found && KINDS[found.kind].action === 'fix' ? undefined : found
  if (code && !code.vague) return code
  const wording = wordingOf(words, status)
  const empty = emptyWindow(limits, status)
  const anyPeriod = found?.anyPeriod
  const window = empty && anyPeriod ? { ...empty, kind: 'rate-limited' as const } : empty
  const soft = wording?.row.soft
  const atMost = soft === 'short-wait' ? MINUTE : HOUR
  const passes = (limits.retryAfterMs ?? waitMs ?? Infinity) <= atMost || (soft === 'code' && namesRate(codes))
  const kind = soft && passes ? 'rate-limited' : wording?.row.kind
  if (wording && kind && (kind === 'concurrency-limited' || !anyPeriod)) {
    const sign = `message says "${wording.said}"`
    if (window && kind === 'rate-limited') return window
    // A wait in a header bears out what the words say of a rate.
    const isBare = !code && !window && !(kind === 'rate-limited' && limits.retryAfterMs)
    return { kind, sign, code: code?.code, retryable: wording.row.retryable, by: isBare ? 'prose' : undefined }
  }
  return window ? { ...window, code: code?.code } : code
}

/**
 * A 429 although every window that is reported has something left, and no word of a rate: a hint that it was the number
 * in flight (Market Data says so). If it names a wait, it means a window all the same.
 */
const contradiction: Sign = ({ status, limits, words, codes, waitMs }) => {
  if (status !== 429) return undefined
  const { windows, retryAfterMs } = limits
  const tightest = windows.find(({ remaining, unit }) => remaining !== undefined && unit !== 'tokens')
  if (!tightest || retryAfterMs !== undefined || exhausted(limits).length > 0) return undefined
  if (/rate|per (?:second|minute|hour)/i.test(words) || codes.some((code) => /rate/i.test(code))) return undefined
  const sign = `${tightest.source} ${tightest.remaining} left and still refused`
  if (waitMs !== undefined) return { kind: 'rate-limited', sign }
  // What a day or a plan allows has not run out: its reset is not what this refusal waits for.
  const resetMs = windows.find((one) => one.resetMs && one.unit !== 'credits' && !isAllowance(one))?.resetMs
  return resetMs === undefined
    ? { kind: 'concurrency-limited', sign }
    : { kind: 'rate-limited', sign, retryAfterMs: resetMs }
}

const profile: Sign = ({ status, url }) => {
  const host = status === 429 ? limitsOnlyConcurrency(url) : undefined
  return host === undefined
    ? undefined
    : { kind: 'concurrency-limited', sign: `${host} limits nothing but concurrency` }
}

/** What went wrong stands in headers, perhaps also with status 200. */
const errorHeader: Sign = ({ header, status, limits }) => {
  // A header that says what went wrong is a reason, too.
  if (limits.reason === undefined) return undefined
  for (const { codes, messages, kinds } of errorHeaders) {
    const first = (names: readonly string[]): string | undefined =>
      names.map((name) => header(name)).find((value) => value !== undefined)
    const [code, message] = [first(codes), first(messages)]
    if (code === undefined && message === undefined) continue
    const general = fromCodes([code ?? ''], status, codes[0]!)
    const own = rowFor([code ?? ''], status < 400 ? 200 : status, kinds)
    const found = general ?? (own && { kind: own.row.kind, sign: `${codes[0]} ${code ?? message}` })
    if (found) return { ...found, code, message }
  }
  return undefined
}

/** A 413 or a 408 says more than its number: temporarily, or that it was not the network. */
const statusInContext: Sign = ({ status, limits, message }) => {
  if (status === 413 && limits.retryAfterMs !== undefined)
    return { kind: 'overloaded', sign: 'with Retry-After: for now' }
  // A 408 that explains itself comes from the API behind, whose own source was slow.
  if (status === 408 && message !== undefined) return { kind: 'server-error', sign: 'slow upstream' }
  if (status === 418 && limits.retryAfterMs !== undefined)
    return { kind: 'rate-limited', sign: 'banned, with Retry-After' }
  return undefined
}

/** A code or a wording is about a limit only on these; a 404 that speaks of limits is still a 404. */
const CAN_BE_LIMITS: ReadonlySet<number> = new Set([
  400, 401, 402, 403, 405, 406, 409, 410, 412, 418, 420, 422, 423, 424, 429, 430, 456, 498, 500, 501, 502, 503, 504,
  509, 529,
])

/** "Limit 30000, Requested 342389": no wait makes room for it. */
const tooLarge: Sign = ({ status, words }) => {
  if (status !== 429 && status !== 413) return undefined
  const [limit, requested] = [/\blimit:? (\d[\d,]{0,15})/i, /\brequested:? (\d[\d,]{0,15})/i].map((pattern) =>
    Number(pattern.exec(words)?.[1]?.replaceAll(',', '')),
  )
  return requested! > limit! ? { kind: 'invalid', sign: `requested ${requested} of ${limit}` } : undefined
}

const FEW_SIGNS: readonly Sign[] = [challenge, problemType, tooLarge, statusInContext]

/** The signs, in the order in which they are to be believed. */
const SIGNS: readonly Sign[] = [
  challenge,
  problemType,
  tooLarge,
  reasonHeader,
  concurrencyHeaders,
  ({ limits, status }) => zeroLimit(limits, status),
  statusInContext,
  codeThenWords,
  contradiction,
  profile,
]

const STATUS_SIGNS: Readonly<Record<number, string>> = {
  407: 'a proxy asks for credentials',
  // RFC 9110 section 15.5.20: another connection may lead to a server that answers for this host
  421: 'the wrong server for this host',
  // RFC 8470 section 5.2: once the handshake is over, the same request may pass
  425: 'too early',
  429: 'nothing names the cause',
  430: 'rejected for security reasons',
}

/** What an answer means. */
export const decide = (answer: Answer): Decision => {
  const { status, foreign } = answer
  const header = errorHeader(answer)
  if (header) return header
  const signs = CAN_BE_LIMITS.has(status) ? SIGNS : status >= 400 ? FEW_SIGNS : foreign === undefined ? [] : [challenge]
  for (const sign of signs) {
    const found = sign(answer)
    if (found) return found
  }
  const { kind, retryable } = byStatus(status)
  const sign = STATUS_SIGNS[status] ?? ''
  const { retryAfterMs: wait, retryAfterSource: source } = answer.limits
  // Whoever says when to come back means it, also with a status that says nothing (Cloudflare's 530).
  if (wait !== undefined && KINDS[kind].transient && status !== 430)
    return { kind, sign: `${source} ${wait / 1000} s`, retryable: true }
  return { kind, sign, retryable }
}

/** What a body says of a limit or a fault by its codes and words alone, for answers that claim success. */
export const decideInBand = (answer: Answer): Finding | undefined => codeThenWords({ ...answer, status: 200 })
