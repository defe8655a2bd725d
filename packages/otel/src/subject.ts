import { KINDS, type Verdict } from '@aplomb/pipeline'
import { describeError, originOf, type ErrorRecord, type Redactor } from '@aplomb/redact'
import type { Attributes } from '@opentelemetry/api'

/** How an attempt or a call ended. */
export type End = { readonly response: Response } | { readonly error: unknown }

/** What a call is about, as far as it may be told. */
export interface Subject {
  readonly request: Request
  readonly key: string
  readonly template: string
  /** Whether the user gave the template: then it has few values. */
  readonly named: boolean
  /** Knows the secrets of the call's requests. */
  readonly redactor: Redactor
}

/** What is wrong, in a word of which there are few, and in a sentence where that word is not enough. */
export interface Failure {
  readonly type: string
  readonly message?: string | undefined
}

/** Of RFC 9110, and PATCH. A new name must not be a new time series. */
const METHODS: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE'.split(' '))

export const subjectOf = (
  request: Request,
  key: string,
  redactorFor: (request: Request, key: string) => Redactor,
  endpoint: { readonly of: (request: Request) => string; readonly named: boolean },
): Subject => {
  const redactor = redactorFor(request, key)
  let template: string | undefined
  return {
    request,
    key: key === originOf(request.url) ? key : redactor.text(key),
    // On demand: most metrics do without.
    get template() {
      return (template ??= redactor.text(endpoint.of(request)))
    },
    named: endpoint.named,
    redactor,
  }
}

export const isKnown = (method: string): boolean => METHODS.has(method)

/** Who is called and how: what spans and metrics have in common. */
export const targetOf = ({ method, url }: Request): Attributes => {
  const { hostname, port, protocol } = new URL(url)
  return {
    'http.request.method': isKnown(method) ? method : '_OTHER',
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': Number(port) || (protocol === 'http:' ? 80 : 443),
  }
}

/** `ECONNREFUSED` says more than the `TypeError` that it comes in. */
const codeOf = ({ code = '', cause }: ErrorRecord): string | undefined =>
  /^[A-Z][A-Z\d_]{2,40}$/.test(code) ? code : cause && codeOf(cause)

const sentence = ({ name, message, cause }: ErrorRecord): string =>
  `${name}: ${message}${cause ? `, because of ${sentence(cause)}` : ''}`

/** Undefined if all is well. */
export const failureOf = (end: End, { kind, evidence }: Verdict, redactor: Redactor): Failure | undefined => {
  if ('error' in end) {
    const record = describeError(end.error, redactor)
    const name = /^[A-Za-z]{1,40}$/.test(record.name) ? record.name : '_OTHER'
    return { type: codeOf(record) ?? name, message: sentence(record) }
  }
  const { status } = end.response
  if (KINDS[kind].action === 'use') return undefined
  if (status >= 400) return { type: String(status) }
  // Of an opaque response nothing is known, and so nothing bad.
  return kind === 'unknown' ? undefined : { type: kind, message: redactor.text(evidence) }
}
