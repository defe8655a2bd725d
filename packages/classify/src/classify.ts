import type { HeaderRow } from '@aplomb/limits'
import { boolean, guarded, type Kind, type Middleware, readOptions, relay } from '@aplomb/pipeline'
import { decide } from './decide.ts'
import { readFacts } from './bodies.ts'
import type { Asked } from './errors.ts'
import { headOf } from './heads.ts'
import { lookupTest } from './lookups.ts'
import {
  type ClassifyOptions,
  classifyOptions,
  type ClassifyResponseOptions,
  classifyResponseOptions,
  isObject,
} from './options.ts'
import { peek, type Peeked } from './peek.ts'
import type { Answer, Decision, Finding, Head, Rule, Verdict } from './types.ts'
import { isKind } from './statuses.ts'
import { verdictFor } from './verdict.ts'

const verdicts = new WeakMap<object, Verdict>()
const pending = new WeakMap<object, Promise<Verdict>>()
const bodies = new WeakMap<object, Peeked>()
/** What refusals answer: an error must not repeat its secrets. */
const asked = new WeakMap<object, Asked>()

const LIMITLESS = { windows: [] } as const
const NO_ANSWER: Verdict = {
  kind: 'unknown',
  action: 'stop',
  retryable: false,
  refused: false,
  tentative: false,
  limits: LIMITLESS,
  evidence: 'not a response',
}

interface Judge {
  readonly rules: readonly Rule[]
  readonly isLookup: (url: string) => boolean
  readonly rows: readonly HeaderRow[] | undefined
  readonly peekBytes: number
  readonly peekTimeoutMs: number
}

const finding: Kind = {
  takes: 'a finding, { kind, sign, ... }, or undefined',
  is: (value) => value == null || (isObject(value) && 'kind' in value && isKind(value.kind) && 'sign' in value),
}

/** A rule whose functions can break no call. */
const safe = (one: Rule): Rule => {
  const { name, reads } = one
  return {
    name,
    reads:
      reads &&
      guarded((head: Head) => reads.call(one, head), {
        name: `rule ${name}: reads`,
        answers: boolean,
        instead: 'it reads nothing',
        fallback: () => false,
      }),
    judge: guarded((answer: Answer) => one.judge(answer), {
      name: `rule ${name}: judge`,
      answers: finding,
      instead: 'it says nothing',
      fallback: () => undefined,
    }),
  }
}

const newJudge = (
  { rules = [], lookups, peekBytes = 65_536, peekTimeoutMs = 1000 }: ClassifyOptions,
  rows: readonly HeaderRow[] | undefined,
): Judge => ({
  rules: rules.map(safe),
  isLookup: lookupTest(lookups),
  rows,
  peekBytes,
  peekTimeoutMs,
})

const STANDARD = newJudge(readOptions('classify', {}, classifyOptions), undefined)
/** What is known beside a response. */
interface Question extends Pick<ClassifyResponseOptions, 'request' | 'receivedAt'> {
  /** Whose signal ends waiting for a body. */
  readonly call: Pick<ClassifyResponseOptions, 'signal'> | undefined
}
/** Nothing is known of the request. */
const UNASKED: Question = { request: undefined, receivedAt: undefined, call: undefined }

const byRules = (rules: readonly Rule[], answer: Answer): Decision | undefined => {
  for (const { name, judge } of rules) {
    const found = judge(answer)
    if (found) return { ...found, sign: `${name}: ${found.sign}`, by: 'rule' }
  }
  return undefined
}

const answerOf = (head: Head, text: string): Answer => {
  const facts = readFacts(text)
  return { ...head, ...facts, json: facts.json, text }
}

const isNoRecord = (judge: Judge, { status, url }: Head): boolean => status === 404 && judge.isLookup(url)
const NO_RECORD: Finding = { kind: 'empty', sign: 'no such record' }

/** Without the body, and so at once. */
const fromHead = (head: Head, judge: Judge, receivedAt: number): Verdict => {
  const found = isNoRecord(judge, head) ? NO_RECORD : decide(answerOf(head, ''))
  return verdictFor(head, found, receivedAt)
}

const wantsBody = (judge: Judge, head: Head): boolean =>
  judge.peekBytes > 0 && (head.status >= 400 || judge.rules.some(({ reads }) => reads?.(head)))

const fromBody = async (
  response: Response,
  head: Head,
  judge: Judge,
  receivedAt: number,
  signal?: AbortSignal,
): Promise<Verdict> => {
  const { peekBytes: bytes, peekTimeoutMs: ms } = judge
  const peeked = await peek(response, head.header('content-type') ?? '', { bytes, ms, signal })
  bodies.set(response, peeked)
  const answer = answerOf(head, peeked.text)
  const found = isNoRecord(judge, head) ? NO_RECORD : (byRules(judge.rules, answer) ?? decide(answer))
  return verdictFor(head, found, receivedAt, answer)
}

/** The verdict at once where no body has to be read, else a promise of it. Remembered per response. */
const judgeResponse = (
  response: Response,
  judge: Judge,
  { request, receivedAt = Date.now(), call }: Question,
): Verdict | Promise<Verdict> => {
  if (!isObject(response)) return NO_ANSWER
  const known = verdicts.get(response) ?? pending.get(response)
  if (known) return known
  const head = headOf(response, { url: request?.url, receivedAt, rows: judge.rows })
  if (!wantsBody(judge, head)) {
    const verdict = fromHead(head, judge, receivedAt)
    verdicts.set(response, verdict)
    return verdict
  }
  const promise = fromBody(response, head, judge, receivedAt, call?.signal)
    .catch(() => fromHead(head, judge, receivedAt)) // a stand-in for Response that throws when read
    .then((verdict) => {
      verdicts.set(response, verdict)
      pending.delete(response)
      return verdict
    })
  pending.set(response, promise)
  return promise
}

/**
 * Judges every answer once, for all the middlewares above: they read it with {@link verdictOf}. The answer itself is
 * handed on untouched. Belongs innermost.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * ```ts
 * const fetch = createFetch([backoffJitter(), classify({ lookups: '/v1/lookup/:ip' })])
 * const response = await fetch('https://api.example.com/v1/lookup/192.0.2.1')
 * console.log(verdictOf(response).evidence)
 * ```
 */
export const classify = (options: ClassifyOptions = {}): Middleware => {
  const given = readOptions('classify', options, classifyOptions)
  const judge = newJudge(given, given.rows)
  return relay('classify', async (outgoing, next, call) => {
    const response = await next()
    const verdict = judgeResponse(response, judge, { request: outgoing, receivedAt: undefined, call })
    const { action } = verdict instanceof Promise ? await verdict : verdict
    if (action !== 'use' && isObject(response)) asked.set(response, { request: outgoing.request, key: call.key })
    return response
  })
}

/**
 * Judges a response. Reads the beginning of an error's body; the response stays as it was. Whoever asks first decides
 * with which options: the verdict is remembered.
 */
export const classifyResponse = async (response: Response, options?: ClassifyResponseOptions): Promise<Verdict> => {
  if (options === undefined) return judgeResponse(response, STANDARD, UNASKED)
  const read = readOptions('classifyResponse', options, classifyResponseOptions)
  // Limits remembers what it has looked up for a list of rows, which may be the same each time.
  return judgeResponse(response, newJudge(read, read.rows && options.rows), { ...read, call: read })
}

/** The verdict on a response that was classified; on any other, what status and headers alone say. */
export const verdictOf = (response: Response): Verdict => {
  if (!isObject(response)) return NO_ANSWER
  const receivedAt = Date.now()
  return verdicts.get(response) ?? fromHead(headOf(response, { receivedAt }), STANDARD, receivedAt)
}

/** The beginning of the body that was read to classify a response, at most `peekBytes`. Undefined if it was not read. */
export const peekedBody = (response: Response): string | undefined => bodies.get(response)?.text

/**
 * Whether a response can be kept readable at no cost: to classify it, its body was read to the end, or it has none. Its
 * connection is free although nobody has read it.
 */
export const peekedWhole = (response: Response): boolean =>
  !isObject(response) || !response.body || (bodies.get(response)?.whole ?? false)

/** What a refusal answers, if it was classified in a pipeline. */
export const askedOf = (response: Response): Asked | undefined => asked.get(response)

/** For whoever has to wrap a response: the new one is judged as the first was. Returns the new one. */
export const carryVerdict = (from: Response, to: Response): Response => {
  const verdict = verdicts.get(from)
  const body = bodies.get(from)
  if (verdict) verdicts.set(to, verdict)
  const question = asked.get(from)
  if (body) bodies.set(to, body)
  if (question) asked.set(to, question)
  return to
}
