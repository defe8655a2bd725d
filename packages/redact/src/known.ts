import { SECRET_NAME } from './harmless.ts'
import { ODD, ODD_IN_TEXT, oddness } from './words.ts'

/** Shorter values are in every text. */
const SHORTEST = 4

const WORDS = /^[a-z]+(?:[-_. ][a-z]+)*\d{0,2}$/i
const NUMBERS = /^[\d.,:+-]{1,15}$/

/** What may be said again in a message: an IP address, a word, a small number. Unless it was given as a secret. */
const isPlain = (value: string): boolean =>
  NUMBERS.test(value) || (value.length <= 64 && WORDS.test(value) && oddness(value) === 0)

/** As it was before it was percent-encoded, or turned into the bytes that a header can have. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`))
  } catch {
    return text
  }
}

const unBase64 = (text: string): string => {
  try {
    return atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  } catch {
    return ''
  }
}

/** The parts of a header's value that are secrets of their own: of credentials, cookies, and parameters. */
const partsOf = (value: string): readonly string[] => {
  const credentials = value.replace(/^\S+\s+/, '')
  const pairs = [...value.split(';'), ...value.split(/[\s,;]+/)].flatMap((pair) => {
    const inner = pair.slice(pair.indexOf('=') + 1).trim()
    return [pair.trim(), inner, inner.replace(/^"|"$/g, '')]
  })
  const parts = [value, credentials, ...pairs]
  if (!/^basic\s/i.test(value)) return parts
  const login = unBase64(credentials)
  return [...parts, login, ...login.split(/:(.*)/s)]
}

/** The key that a call has by default: the origin, which is no secret. `''` for what is no URL. */
export const originOf = (url: string): string => {
  try {
    return new URL(url).origin
  } catch {
    return ''
  }
}

/** What a request's URL and headers hold that is not for others to read, in all its spellings. The longest first. */
export const secretsOf = (
  request: Pick<Request, 'url' | 'headers'>,
  key: string,
  shown: { readonly query: ReadonlySet<string>; readonly headers: ReadonlySet<string> },
): readonly string[] => {
  const found = new Set<string>()
  const add = (value: string, always: boolean): void => {
    for (const one of [value, decoded(value)]) {
      if (one.length < SHORTEST || (!always && isPlain(one))) continue
      for (const form of [one, encodeURIComponent(one), JSON.stringify(one).slice(1, -1)]) found.add(form)
    }
  }

  const [, userinfo = '', path = '', query = ''] =
    /^[^:]+:\/\/(?:([^/?#]*)@)?[^/?#]*([^?#]*)(?:\?([^#]*))?/.exec(request.url) ?? []
  if (userinfo) for (const one of [userinfo, ...userinfo.split(':')]) add(one, true)
  for (const segment of path.split('/')) if (oddness(segment) >= ODD) add(segment, false)
  for (const pair of query.split('&')) {
    const [, name = '', value = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(pair) ?? []
    if (shown.query.has(decoded(name).toLowerCase()) && oddness(value) < ODD) continue
    // Some mean a plus sign where forms mean a space.
    for (const one of [value, value.replaceAll('+', ' ')]) add(one, SECRET_NAME.test(decoded(name)))
  }
  request.headers.forEach((value, name) => {
    const always = SECRET_NAME.test(name)
    for (const part of partsOf(value)) {
      // A scheme is no secret; what follows it is.
      if (/^(?:bearer|basic|digest|token|apikey)$/i.test(part)) continue
      if (!shown.headers.has(name) || (oddness(part) >= ODD_IN_TEXT && !/\s/.test(part))) add(part, always)
    }
  })
  // Some partition by API key.
  if (key !== originOf(request.url)) add(key, false)
  // One may be part of another.
  return [...found].toSorted((a, b) => b.length - a.length)
}
