import { callback, guarded, type KindsOf, list, readOptions, string } from '@aplomb/pipeline'
import { findFormats, REDACTED } from './formats.ts'
import { HARMLESS_HEADERS, HARMLESS_QUERY, isLimitHeader } from './harmless.ts'
import { type Held, newKnown } from './known.ts'
import { findPairs } from './pairs.ts'
import { readingOf } from './reading.ts'
import { findInUrl } from './url.ts'
import { findTokens } from './words.ts'

/** What may be shown beyond what is known to be harmless, and what else may not. */
export interface RedactOptions {
  /** Names of query parameters whose values may be shown. */
  readonly query?: readonly string[] | undefined
  /** Names of headers whose values may be shown. */
  readonly headers?: readonly string[] | undefined
  /** Gets every text, redacted as it is, and may take out more. If it fails, or answers no text, that is told once, and the text is left out. */
  readonly text?: ((text: string) => string) | undefined
}

/** Takes secrets out of what is shown of one call. */
export interface Redactor {
  /** Another request of the same call: a middleware may have put secrets into it that the first did not have. */
  learn(request: Held): void
  /** A text of any origin, at most `maxChars` of it (1000 by default). */
  text(text: string, maxChars?: number): string
  /** A URL, of this call or another: without userinfo, fragment, values not known to be harmless, and key-like segments. */
  url(url: string): string
  /** Those headers that are known to be harmless, or are about limits. */
  headers(headers: Headers): Readonly<Record<string, string>>
  /** An identifier: shown although it looks like a secret, unless it is one that the request held. */
  id(id: string): string
}

const MAX_CHARS = 1000

/** Beyond that nothing is looked at: it will not be shown either. */
const LOOK_CHARS = 8192

const URLS = /(?:\b[a-z][a-z\d+.-]{1,20}:\/\/|(?<!\S)\/[^\s"'<>?]{0,500}(?=\?))[^\s"'<>`\\]+/gi

const ID_CHARS = 128
const URL_CHARS = 2000

/** Of terminals, and what changes lines or directions: no text of others moves a cursor or writes a line of its own. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /\u001b\[[\d;?]{0,20}[ -/]{0,5}[@-~]|[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g
const UNSEEN = /[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g

/** The one exit of texts: bounded, on one line, in the order in which they read. */
const exit = (text: string, maxChars: number): string => {
  const plain = text.replace(CONTROL, ' ').replace(UNSEEN, '').toWellFormed()
  return plain.length > maxChars ? `${plain.slice(0, maxChars).toWellFormed()}…` : plain
}

type Find = (text: string, found: (from: number, to: number) => void) => void

/** What any of them finds is masked, in the text as it stands and as it reads. */
const masked = (text: string, finders: readonly Find[]): string => {
  const spans: [from: number, to: number][] = []
  const plain = readingOf(text)
  for (const find of finders) {
    find(text, (from, to) => spans.push([from, to]))
    if (plain.text !== text)
      find(plain.text, (from, to) => spans.push([plain.at[from] ?? 0, plain.at[to] ?? text.length]))
  }
  let shown = ''
  let end = 0
  for (const [from, to] of spans.toSorted(([a], [b]) => a - b)) {
    if (to <= from || to <= end) continue
    if (from > end || end === 0) shown += text.slice(end, from) + REDACTED
    end = to
  }
  return shown + text.slice(end)
}

/** Part of a key is not recognised as one: what a bound cuts through goes. */
const cut = (text: string, chars: number): string => {
  if (text.length <= chars) return text
  const end = Math.max(
    text.lastIndexOf(' ', chars),
    text.lastIndexOf('\n', chars),
    text.lastIndexOf('"', chars),
    chars - 500,
  )
  return text.slice(0, end)
}

const lower = (names: readonly string[] = []): string[] => names.map((name) => name.toLowerCase())

const names = list(string(), 'a list of names')

/** What each option takes. */
export const redactOptions: KindsOf<RedactOptions> = { query: names, headers: names, text: callback }

/**
 * Makes a function that makes a {@link Redactor} for each call, of its request and the key it is partitioned by.
 *
 * @throws {TypeError} if an option is unknown or makes no sense.
 * @example
 * const redactorFor = redaction({ query: ['ip'] })
 * const redactor = redactorFor(request, call.key)
 * console.log(redactor.url(request.url), describeError(error, redactor))
 */
export const redaction = (options: RedactOptions = {}): ((request: Held, key: string) => Redactor) => {
  const { query, headers, text: custom } = readOptions('redact', options, redactOptions)
  const shown = {
    query: new Set([...HARMLESS_QUERY, ...lower(query)]),
    headers: new Set([...HARMLESS_HEADERS, ...lower(headers)]),
  }
  const extra = custom
    ? guarded(custom, {
        name: 'redact.text',
        answers: string(),
        instead: 'the text is left out',
        fallback: () => REDACTED,
      })
    : (text: string): string => text

  const inUrls: Find = (text, found) => {
    for (const { 0: url, index } of text.matchAll(URLS))
      findInUrl(url, shown.query, (from, to) => found(index + from, index + to))
  }

  return (first, key) => {
    // What it is asked for is dear: of many calls nothing is shown.
    const asked: Held[] = [first]
    const all = newKnown(shown)
    const known: Find = (text, found) => {
      for (const request of asked.splice(0)) all.learn(request, key)
      all.find(text, found)
    }
    const mask = (text: string): string =>
      extra(masked(cut(text, LOOK_CHARS), [known, findFormats, findPairs, inUrls, findTokens]))
    return {
      learn: (request) => void asked.push(request),
      text: (text, maxChars = MAX_CHARS) => exit(mask(text), maxChars),
      url: (url) => {
        const inUrl: Find = (text, found) => {
          if (!findInUrl(text, shown.query, found)) found(0, text.length)
        }
        return exit(extra(masked(url.slice(0, LOOK_CHARS), [inUrl, known, findFormats])), URL_CHARS)
      },
      headers: (given) => {
        const visible: Record<string, string> = {}
        given.forEach((value, name) => {
          if (shown.headers.has(name) || isLimitHeader(name)) visible[name] = exit(mask(value), MAX_CHARS)
        })
        return visible
      },
      id: (id) => (/^[\w.:/=+-]+$/.test(id) ? extra(masked(id.slice(0, ID_CHARS), [known, findFormats])) : REDACTED),
    }
  }
}
