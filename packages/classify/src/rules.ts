import { outcomes } from '@aplomb/limits/vendors'
import { decideInBand } from './decide.ts'
import { readFacts } from './bodies.ts'
import { factsOf } from './facts.ts'
import type { VerdictKind } from '@aplomb/pipeline'
import type { Answer, Head, Rule } from './types.ts'

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const typed =
  (pattern: RegExp): NonNullable<Rule['reads']> =>
  ({ status, header }: Head) =>
    status >= 200 && status < 300 && status !== 204 && pattern.test(header('content-type') ?? '')

const json = typed(/\bjson\b/i)

const served = ({ status }: Answer): boolean => status < 300

/** GraphQL: limits and faults in `errors` of an answer with status 200. Other errors are the caller's to read. */
const graphql: Rule = {
  name: 'graphql',
  reads: json,
  judge: (answer) => {
    const { json: body } = answer
    if (!served(answer) || !isRecord(body)) return undefined
    const isFault =
      (Array.isArray(body['errors']) && body['errors'].length > 0) || typeof body['error_code'] === 'string'
    if (!isFault) return undefined
    const { data: _, ...rest } = body
    return decideInBand({ ...answer, ...factsOf(rest) })
  },
}

/** Shopify's GraphQL: throttled by points; the query's cost and the bucket are in `extensions.cost`. */
const shopify: Rule = {
  name: 'shopify',
  reads: json,
  judge: (answer) => {
    const { json: body } = answer
    if (!served(answer) || !isRecord(body)) return undefined
    if (/^throttled$/i.test(answer.message ?? '')) return { kind: 'rate-limited', sign: 'THROTTLED', code: 'THROTTLED' }
    return graphql.judge(answer)
  },
}

/** A rule for an API whose answers name the outcome themselves. */
const outcome = (name: string): Rule => {
  const row = outcomes.find(({ rule }) => rule === name)!
  return {
    name,
    reads: json,
    judge: (answer) => {
      const { json: body } = answer
      if (!served(answer) || !isRecord(body) || (row.flag !== undefined && body[row.flag] !== false)) return undefined
      const code = body[row.key]
      if (typeof code !== 'string') return undefined
      const kind = Object.hasOwn(row.kinds, code) ? row.kinds[code] : row.otherwise
      const message = row.message === undefined ? undefined : body[row.message]
      return kind && { kind, sign: `"${code}"`, code, message: typeof message === 'string' ? message : undefined }
    },
  }
}

/** Google Maps' older web services: the outcome is in `status`. */
const googleMaps = outcome('googleMaps')
/** Slack's Web API: `{ "ok": false, "error": "ratelimited" }`. */
const slack = outcome('slack')

/** gRPC-web's status codes. */
const GRPC: Readonly<Record<string, VerdictKind>> = {
  3: 'invalid',
  4: 'server-error',
  5: 'missing',
  7: 'forbidden',
  8: 'rate-limited',
  13: 'server-error',
  14: 'overloaded',
  16: 'unauthenticated',
}

const ERROR_KEY = /^(?:err(?:or)?s?|err(?:or)?_?(?:code|message|msg)|note|information|ret_?code|fault)$/i
const isZero = (value: unknown): boolean => !value || (typeof value === 'string' && /^(?:0+|ok|success)$/i.test(value))

/**
 * Whether a body calls itself an error: by a key (MediaWiki, SerpApi; Bybit's `retCode`, WeChat's `errcode`; Alpha Vantage's
 * `Note` alone), by its status (Etherscan's "0", GeoNames' object), or one level below (Tencent's `Response.Error`).
 */
const isErrorBody = (body: Json, depth = 0): boolean => {
  const entries = Object.entries(body)
  return entries.some(([key, value]) => {
    if (ERROR_KEY.test(key)) return !isZero(value) && (!/^(?:note|info)/i.test(key) || entries.length === 1)
    if (/^status$/i.test(key)) return value === '0' || (isRecord(value) && 'message' in value)
    return depth === 0 && /^response$/i.test(key) && isRecord(value) && isErrorBody(value, 1)
  })
}

/** Any answer with status 200 whose body, or whose gRPC status, is an error about a limit. */
const errorBody: Rule = {
  name: 'errorBody',
  reads: (head) => typed(/\b(?:json|xml)\b/i)(head) || head.header('grpc-status') !== undefined,
  judge: (answer) => {
    const { json: body, text, header } = answer
    if (!served(answer)) return undefined
    const code = header('grpc-status')
    const kind = code === undefined ? undefined : GRPC[code]
    if (kind) {
      const told =
        kind === 'rate-limited' ? decideInBand({ ...answer, words: header('grpc-message') ?? '' }) : undefined
      return told ?? { kind, sign: `grpc-status ${code}`, code, message: header('grpc-message') }
    }
    // Results in a list: all of them were refused.
    if (Array.isArray(body) && body.length > 0 && body.every((one) => isRecord(one) && isErrorBody(one)))
      return decideInBand(answer)
    if (!isRecord(body)) return undefined
    const isXml = /^\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:\w{1,20}:)?error\b/i.test(text)
    return isXml || isErrorBody(body) ? decideInBand(answer) : undefined
  },
}

/** Streams of server-sent events that end in an error: `event: error`, or data with an error in it. */
const eventStream: Rule = {
  name: 'eventStream',
  reads: typed(/^text\/event-stream\b/i),
  judge: (answer) => {
    if (!served(answer) || !/^text\/event-stream\b/i.test(answer.header('content-type') ?? '')) return undefined
    for (const event of answer.text.split(/\r?\n\r?\n/).slice(0, 1000)) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trim())
        .join('\n')
      const isError = /^event:\s?error\b/m.test(event) || /"type"\s?:\s?"error"|^\{\s?"error"\s?:/.test(data)
      if (!isError || data === '') continue
      const facts = readFacts(data)
      const found = decideInBand({ ...answer, ...facts, json: facts.json })
      if (found) return { ...found, message: found.message ?? facts.message }
    }
    return undefined
  },
}

/** Ready-made rules for APIs that refuse with status 200. Each makes the bodies of such answers be read. */
export const rules: {
  readonly graphql: Rule
  readonly googleMaps: Rule
  readonly slack: Rule
  readonly shopify: Rule
  readonly errorBody: Rule
  readonly eventStream: Rule
} = { graphql, googleMaps, slack, shopify, errorBody, eventStream }
