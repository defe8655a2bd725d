import { REDACTED } from './formats.ts'
import { ODD, oddness } from './words.ts'

const isNumber = (segment: string): boolean => /^[\d.,:+-]{1,24}$/.test(segment)

const isShown = (segment: string): boolean =>
  segment === REDACTED ||
  (segment.length <= 80 && !/[@%\s]/.test(segment) && (isNumber(segment) || oddness(segment) < ODD))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Makes a function that masks userinfo, path segments that look like keys, and the values of all but `shown` parameters. */
export const urlRedactor = (shown: ReadonlySet<string>): ((url: string) => string) => {
  const maskPair = (pair: string): string => {
    const at = pair.indexOf('=')
    if (at < 0) return isShown(pair) && oddness(pair) === 0 ? pair : REDACTED
    const name = pair.slice(0, at)
    const value = pair.slice(at + 1)
    const isHarmless = shown.has(decoded(name).toLowerCase()) && isShown(value)
    return `${isShown(name) ? name : REDACTED}=${isHarmless ? value : REDACTED}`
  }

  return (url) => {
    const parts = /^([^:]+:\/\/)(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(url)
    if (!parts) return REDACTED
    const [, scheme = '', userinfo, host = '', path = '', query, fragment] = parts
    const safePath = path.replace(/[^/]+/g, (segment) => (isShown(segment) ? segment : REDACTED))
    const safeQuery = query === undefined ? '' : `?${query.split('&').map(maskPair).join('&')}`
    return `${scheme}${userinfo === undefined ? '' : `${REDACTED}@`}${host}${safePath}${safeQuery}${fragment ? `#${REDACTED}` : ''}`
  }
}
