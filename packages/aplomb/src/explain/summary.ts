import { classifyError, classifyResponse } from '@aplomb/classify'
import { adviceFor } from '@aplomb/log'
import { endpointOf, KINDS, readOptions, type Verdict, type VerdictKind } from '@aplomb/pipeline'
import { originOf } from '@aplomb/redact'
import { responseOf } from './answers.ts'
import { type Explanation, explanationOf, explainOptions, type ExplainOptions } from './explain.ts'
import type { Har, HarEntry } from './har.ts'
import { redactorOf } from './secrets.ts'
import { line } from './words.ts'

/** Answers of one kind. */
export interface KindSummary {
  readonly kind: VerdictKind
  readonly count: number
  /** Of the first of them. */
  readonly status: number
  readonly evidence: string
  readonly message?: string
  /** Its place in the file, from 0. */
  readonly entry: number
}

/** What was asked of one endpoint, and what came of it. Credits are those that headers tell. */
export interface EndpointSummary {
  /** Origin, method, and the path with `:id` for what differs. */
  readonly api: string
  readonly method: string
  readonly endpoint: string
  readonly calls: number
  /** The most frequent first. */
  readonly kinds: readonly KindSummary[]
  readonly waits: {
    /** Answers that named a time to come back. */
    readonly named: number
    /** Of those, how many nobody asked this endpoint, or another one of this API, before their time. */
    readonly obeyed: number
    readonly obeyedByAll: number
    /** Requests to this endpoint before its time. */
    readonly early: number
    /** The one that came the most too early: the place in the file, and by how much. */
    readonly worst?: { readonly entry: number; readonly earlyMs: number; readonly namedMs: number }
  }
  /** The same request again after an answer that no repetition mends, and so it was. */
  readonly futile: { readonly count: number; readonly entry?: number }
  readonly credits: { readonly spent: number; readonly onEarly: number; readonly onFutile: number }
  readonly todo?: string
}

/** What a recording tells of how its APIs were called. */
export interface HarSummary {
  /** Of this shape. */
  readonly version: 1
  readonly calls: number
  /** What is wrong with the file. */
  readonly problems: readonly string[]
  /** The ones with the most to say first. */
  readonly endpoints: readonly EndpointSummary[]
}

interface Judged extends HarEntry {
  readonly verdict: Verdict
  readonly api: string
  readonly endpoint: string
  readonly cost: number
}

/** The origin, which is `null` for what has none of its own, such as `data:`. */
const apiOf = (url: string): string => {
  const origin = originOf(url)
  return origin === 'null' ? new URL(url).protocol : origin || 'no URL'
}

const judge = async (entry: HarEntry, options: ExplainOptions): Promise<Judged> => {
  const { request, answer, error, receivedAt } = entry
  const verdict = answer
    ? await classifyResponse(responseOf(answer), {
        rules: options.rules,
        lookups: options.lookups,
        rows: options.rows,
        receivedAt,
        request: { url: request.url },
      })
    : classifyError(new TypeError(error ?? 'fetch failed'), { request })
  return {
    ...entry,
    verdict,
    api: apiOf(request.url),
    endpoint: endpointOf(request.url),
    cost: verdict.limits.credits?.cost ?? 0,
  }
}

/** Explains one exchange of a recording. */
export const explainEntry = async (entry: HarEntry, options: ExplainOptions = {}): Promise<Explanation> => {
  const given = readOptions('explain', options, explainOptions)
  const { verdict } = await judge(entry, { ...given, rows: options.rows })
  return explanationOf(verdict, entry.request)
}

const isUsed = ({ verdict }: Judged): boolean => KINDS[verdict.kind].action === 'use'

/** The end of the wait that an answer has named, if it has. */
const untilOf = ({ verdict, receivedAt }: Judged): number | undefined => {
  const { retryAfterMs = 0 } = verdict
  return receivedAt === undefined || retryAfterMs <= 0 ? undefined : receivedAt + retryAfterMs
}

/** Those sent while a wait was under way: what was in flight already when it was named could not know. */
const earlyFor = (one: Judged, others: readonly Judged[]): Judged[] => {
  const { receivedAt = Infinity } = one
  const until = untilOf(one) ?? -Infinity
  return others.filter(({ sentAt = NaN }) => sentAt >= receivedAt && sentAt < until)
}

const identityOf = ({ request: { method, url, body = '' } }: Judged): string => JSON.stringify([method, url, body])

/** Whether a repetition at that time could help: fixed is fixed, but a new period brings a new allowance. */
const isFinal = (one: Judged, at: number): boolean => {
  const { action } = one.verdict
  return (action === 'fix' || action === 'pay') && at < (untilOf(one) ?? Infinity)
}

/** The same again, after an answer that no repetition mends, with another such answer: had anything been mended, it would have helped. */
const futileIn = (calls: readonly Judged[]): Judged[] => {
  const failures = new Map<string, Judged>()
  const futile: Judged[] = []
  for (const one of calls) {
    const id = identityOf(one)
    const before = failures.get(id)
    const { sentAt } = one
    const isAgain = before?.receivedAt !== undefined && sentAt !== undefined && sentAt >= before.receivedAt
    if (isAgain && isFinal(before, sentAt) && isFinal(one, sentAt)) futile.push(one)
    if (isFinal(one, sentAt ?? 0)) failures.set(id, one)
    else failures.delete(id)
  }
  return futile
}

const kindsOf = (calls: readonly Judged[]): KindSummary[] => {
  const byKind = Map.groupBy(calls, ({ verdict }) => verdict.kind)
  return Array.from(byKind, ([kind, all]): KindSummary => {
    const { verdict, index, request } = all[0]!
    const { text } = redactorOf(request)
    const { status = 0, evidence, message } = verdict
    return {
      kind,
      count: all.length,
      status,
      evidence: line(text(evidence)),
      ...(message !== undefined && { message: line(text(message)) }),
      entry: index,
    }
  }).toSorted((a, b) => b.count - a.count)
}

/** Fractions of credits add up without the noise of binary ones. */
const sum = (all: Iterable<Judged>): number =>
  Number(
    Array.from(all)
      .reduce((total, { cost }) => total + cost, 0)
      .toFixed(6),
  )

const summaryOf = (calls: readonly Judged[], ofApi: readonly Judged[]): EndpointSummary => {
  const { api, endpoint, request } = calls[0]!
  const { text } = redactorOf(request)
  const waits = calls.filter((one) => !isUsed(one) && untilOf(one) !== undefined)
  const early = new Set<Judged>()
  let obeyed = 0
  let obeyedByAll = 0
  let worst: EndpointSummary['waits']['worst']
  for (const one of waits) {
    const own = earlyFor(one, calls)
    if (own.length === 0) obeyed++
    if (earlyFor(one, ofApi).length === 0) obeyedByAll++
    for (const other of own) {
      early.add(other)
      const earlyMs = (untilOf(one) ?? 0) - (other.sentAt ?? 0)
      if (earlyMs > (worst?.earlyMs ?? 0))
        worst = { entry: other.index, earlyMs: Math.round(earlyMs), namedMs: one.verdict.retryAfterMs ?? 0 }
    }
  }
  const futile = futileIn(calls)
  const kinds = kindsOf(calls)
  const failed = kinds.find(({ kind }) => KINDS[kind].action !== 'use')
  const todo = failed && adviceFor(failed.kind)
  return {
    api,
    method: line(text(request.method)),
    endpoint: line(text(endpoint)),
    calls: calls.length,
    kinds,
    waits: { named: waits.length, obeyed, obeyedByAll, early: early.size, ...(worst && { worst }) },
    futile: { count: futile.length, ...(futile[0] && { entry: futile[0].index }) },
    credits: { spent: sum(calls), onEarly: sum(early), onFutile: sum(futile) },
    ...(todo !== undefined && { todo }),
  }
}

const failedIn = ({ kinds }: EndpointSummary): number =>
  kinds.reduce((total, { kind, count }) => total + (KINDS[kind].action === 'use' ? 0 : count), 0)

/** What there is to say of an endpoint: mistakes before failures, failures before calls. */
const weightOf = (one: EndpointSummary): number => (one.waits.early + one.futile.count) * 1e6 + failedIn(one) * 1e3

/**
 * Sums up a recording, endpoint by endpoint: what came of its calls, whether the waits that answers named were kept,
 * which repetitions could not help, and what they cost.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 */
export const explainHar = async ({ entries, problems }: Har, options: ExplainOptions = {}): Promise<HarSummary> => {
  const given = readOptions('explainHar', options, explainOptions)
  const judged: Judged[] = []
  for (const entry of entries) judged.push(await judge(entry, { ...given, rows: options.rows }))
  const inOrder = judged.toSorted((a, b) => (a.sentAt ?? 0) - (b.sentAt ?? 0))
  const byApi = Map.groupBy(inOrder, ({ api }) => api)
  const byEndpoint = Map.groupBy(inOrder, ({ api, request, endpoint }) =>
    JSON.stringify([api, request.method, endpoint]),
  )
  const endpoints = Array.from(byEndpoint.values(), (calls) => summaryOf(calls, byApi.get(calls[0]!.api) ?? []))
  return {
    version: 1,
    calls: entries.length,
    problems: problems.map(line),
    endpoints: endpoints.toSorted((a, b) => weightOf(b) - weightOf(a) || b.calls - a.calls),
  }
}
