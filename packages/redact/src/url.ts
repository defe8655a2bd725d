import { isId, isDrawn, ODD, oddness } from './words.ts'
import { readingOf } from './reading.ts'

/** Behind one of these in a path comes what opens it. */
const OPENS = /hook|token|secret|reset|verif|confirm|invit|magic|unsubscribe|share|session|sign-?in|log-?in|otp/i

/** Part of a document. */
const WORDS = /^[a-z]{2,20}(?:[-_.][a-z]{1,20})*$/i

const isShown = (raw: string): boolean => {
  const part = readingOf(raw).text
  if (part.length > 80 || part.includes('@', 1) || part.includes('%')) return false
  return /^[\d.,:+-]{1,24}$/.test(part) || isId(part) || !isDrawn(part, ODD)
}

/** The segments of a path that may open something, or look like keys. */
export const hiddenSegments = (path: string): readonly RegExpExecArray[] => {
  let opens = false
  return [...path.matchAll(/[^/]+/g)].filter(([segment]) => {
    const isHidden = opens ? oddness(segment) > 0 : !isShown(segment)
    opens ||= OPENS.test(segment)
    return isHidden
  })
}

/** Tells of userinfo, path segments that look like keys, the values of all but `shown` parameters, and the fragment. Whether it is a URL at all. */
export const findInUrl = (
  url: string,
  shown: ReadonlySet<string>,
  found: (from: number, to: number) => void,
): boolean => {
  const parts = /^([^:/?#]+:\/\/|(?=\/))(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url)
  if (!parts) return false
  const [, scheme = '', userinfo, host = '', path = '', query, fragment] = parts
  let at = scheme.length
  if (userinfo !== undefined) {
    found(at, at + userinfo.length)
    at += userinfo.length + 1
  }
  at += host.length
  for (const { 0: segment, index } of hiddenSegments(path)) found(at + index, at + index + segment.length)
  at += path.length
  if (query !== undefined) {
    at++
    for (const { 0: pair, index } of query.matchAll(/[^&]+/g)) {
      const from = at + index
      const [, name = '', is = '', value = ''] = /^([^=]*)(=?)(.*)$/s.exec(pair) ?? []
      if (!isShown(name) || (!is && oddness(name) > 0)) found(from, from + name.length)
      const isHarmless = shown.has(readingOf(name).text.toLowerCase()) && isShown(value)
      if (is && !isHarmless) found(from + name.length + 1, from + pair.length)
    }
    at += query.length
  }
  if (fragment && !WORDS.test(fragment)) found(at + 1, at + 1 + fragment.length)
  return true
}
