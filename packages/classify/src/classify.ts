import { type HeaderRow, readBody, readProse, serverTime } from '@aplomb/limits'
import {
  boolean,
  finalVerdictOf,
  guarded,
  isKind,
  type Kind,
  type Middleware,
  newVerdict,
  readOptions,
  relay,
  setVerdict,
  type Verdict,
} from '@aplomb/pipeline'
import { decide } from './decide.ts'
import { readFacts } from './bodies.ts'
import type { Facts } from './facts.ts'
import { isApis, isSuspect } from './foreign.ts'
import { headOf, type HeadWithId, messageIn } from './heads.ts'
import { lookupTest } from './lookups.ts'
import { type Mask, maskFor } from './masked.ts'
import { judgeConnection } from './network.ts'
import {
  type ClassifyOptions,
  classifyOptions,
  type ClassifyResponseOptions,
  classifyResponseOptions,
  isObject,
} from './options.ts'
import { peek } from './peek.ts'
import type { Answer, Decision, Finding, Head, Rule } from './types.ts'
import { verdictFor } from './verdict.ts'

const pending = new WeakMap<object, Promise<Verdict>>()

const NO_ANSWER: Verdict = newVerdict({ kind: 'unknown', receivedAt: 0, evidence: 'not a response' })

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
  readonly mask: Mask
}

const byRules = (rules: readonly Rule[], answer: Answer): Decision | undefined => {
  for (const { name, judge } of rules) {
    const found = judge(answer)
    if (found) return { ...found, sign: `${name}: ${found.sign}`, by: 'rule' }
  }
  return undefined
}

/** A wait that a body names, as a number or in words. */
const waitIn = ({ json, words }: Facts, now: number): number | undefined =>
  readBody(json, now).retryAfterMs ?? readProse(words, now).waitMs

const answerOf = ({ status, url, header, limits, foreign }: Head, text: string, receivedAt: number): Answer => {
  const facts = readFacts(text, status)
  const waitMs = text === '' ? undefined : waitIn(facts, serverTime(header, receivedAt))
  const message = facts.message ?? (status >= 400 ? messageIn(header) : undefined)
  return { status, url, header, limits, foreign, ...facts, message, waitMs, json: facts.json, text }
}

const isNoRecord = (judge: Judge, answer: Answer, whole: boolean): boolean =>
  answer.status === 404 && judge.isLookup(answer.url) && isApis(answer, whole)
const NO_RECORD: Finding = { kind: 'empty', sign: 'no such record' }

/** Without the body, and so at once. */
const fromHead = (head: HeadWithId, judge: Judge, receivedAt: number): Verdict => {
  const answer = answerOf(head, '', receivedAt)
  const found = isNoRecord(judge, answer, false) ? NO_RECORD : decide(answer)
  return verdictFor(head, found, receivedAt)
}

const wantsBody = (judge: Judge, head: Head): boolean =>
  judge.peekBytes > 0 && (head.status >= 400 || isSuspect(head) || judge.rules.some(({ reads }) => reads?.(head)))

const fromBody = async (
  response: Response,
  head: HeadWithId,
  judge: Judge,
  receivedAt: number,
  { call, mask }: Question,
): Promise<Verdict> => {
  const { peekBytes: bytes, peekTimeoutMs: ms } = judge
  const peeked = await peek(response, head.header('content-type') ?? '', { bytes, ms, signal: call?.signal })
  const answer = answerOf(head, peeked.text, receivedAt)
  const found = isNoRecord(judge, answer, peeked.whole || !response.body)
    ? NO_RECORD
    : (byRules(judge.rules, answer) ?? decide(answer))
  const verdict = mask(verdictFor(head, found, receivedAt, answer))
  setVerdict(response, verdict, peeked)
  return verdict
}

/** The verdict at once where no body has to be read, else a promise of it. Remembered per response. */
const judgeResponse = (response: Response, judge: Judge, question: Question): Verdict | Promise<Verdict> => {
  const { request, receivedAt = Date.now(), mask } = question
  if (!isObject(response)) return NO_ANSWER
  const known = finalVerdictOf(response) ?? pending.get(response)
  if (known) return known
  const head = headOf(response, { url: request?.url, receivedAt, rows: judge.rows })
  const fromHeadAlone = (): Verdict => {
    const verdict = mask(fromHead(head, judge, receivedAt))
    setVerdict(response, verdict)
    return verdict
  }
  if (!wantsBody(judge, head)) return fromHeadAlone()
  const promise = fromBody(response, head, judge, receivedAt, question)
    .catch(fromHeadAlone) // a stand-in for Response that throws when read
    .then((verdict) => {
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
    const mask = maskFor(outgoing, call)
    let response: Response
    try {
      response = await next()
    } catch (error) {
      if (isObject(error)) setVerdict(error, mask(judgeConnection(error, outgoing)))
      throw error
    }
    const verdict = judgeResponse(response, judge, { request: outgoing, receivedAt: undefined, call, mask })
    if (verdict instanceof Promise) await verdict
    return response
  })
}

/**
 * Judges a response. Reads the beginning of an error's body; the response stays as it was. Whoever asks first decides
 * with which options: the verdict is remembered.
 */
export const classifyResponse = async (response: Response, options?: ClassifyResponseOptions): Promise<Verdict> => {
  const read = options === undefined ? undefined : readOptions('classifyResponse', options, classifyResponseOptions)
  const mask = maskFor({ url: read?.request?.url ?? '', headers: new Headers() })
  if (!read)
    return judgeResponse(response, STANDARD, { request: undefined, receivedAt: undefined, call: undefined, mask })
  // Limits remembers what it has looked up for a list of rows, which may be the same each time.
  return judgeResponse(response, newJudge(read, read.rows && options?.rows), { ...read, call: read, mask })
}
