import { callback, guarded, type KindsOf, list, readOptions, string } from '@aplomb/pipeline'
import { maskFormats, REDACTED } from './formats.ts'
import { HARMLESS_HEADERS, HARMLESS_QUERY, isLimitHeader } from './harmless.ts'
import { secretsOf } from './known.ts'
import { maskPairs } from './pairs.ts'
import { urlRedactor } from './url.ts'
import { maskTokens } from './words.ts'

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

const URLS = /\b[a-z][a-z\d+.-]{1,20}:\/\/[^\s"'<>`\\]+/gi

const ID_CHARS = 128
const URL_CHARS = 2000

/** Cuts, together with what it cut through: part of a key is not recognised as one. */
const cut = (text: string): string => (text.length > LOOK_CHARS ? text.slice(0, LOOK_CHARS).replace(/\S+$/, '') : text)

const shorten = (text: string, maxChars: number): string =>
  text.length > maxChars ? `${text.slice(0, maxChars)}…` : text

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
export const redaction = (
  options: RedactOptions = {},
): ((request: Pick<Request, 'url' | 'headers'>, key: string) => Redactor) => {
  const { query, headers, text: custom } = readOptions('redact', options, redactOptions)
  const shown = {
    query: new Set([...HARMLESS_QUERY, ...lower(query)]),
    headers: new Set([...HARMLESS_HEADERS, ...lower(headers)]),
  }
  const maskUrl = urlRedactor(shown.query)

  const extra = custom
    ? guarded(custom, {
        name: 'redact.text',
        answers: string(),
        instead: 'the text is left out',
        fallback: () => REDACTED,
      })
    : (text: string): string => text

  return (request, key) => {
    let secrets: readonly string[] | undefined
    const maskKnown = (text: string): string => {
      let masked = text
      for (const secret of (secrets ??= secretsOf(request, key, shown))) {
        if (masked.includes(secret)) masked = masked.split(secret).join(REDACTED)
      }
      return masked
    }
    const mask = (text: string): string =>
      maskTokens(maskPairs(maskFormats(maskKnown(cut(text)).replace(URLS, maskUrl))))

    return {
      text: (text, maxChars = MAX_CHARS) => shorten(extra(mask(text)), maxChars),
      url: (url) => shorten(extra(maskFormats(maskKnown(maskUrl(url)))), URL_CHARS),
      headers: (all) => {
        const visible: Record<string, string> = {}
        all.forEach((value, name) => {
          if (shown.headers.has(name) || isLimitHeader(name)) visible[name] = shorten(extra(mask(value)), MAX_CHARS)
        })
        return visible
      },
      id: (id) => (/^[\w.:/=+-]+$/.test(id) ? extra(maskFormats(maskKnown(id.slice(0, ID_CHARS)))) : REDACTED),
    }
  }
}
