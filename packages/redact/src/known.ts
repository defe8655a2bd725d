import { isSecretName } from './names.ts'
import { findPairs } from './pairs.ts'
import { folded, readingOf } from './reading.ts'
import { hiddenSegments } from './url.ts'
import { ODD, ODD_IN_TEXT, oddness } from './words.ts'

/** Shorter values are in every text. */
const SHORTEST = 4

/** So much of a key is not shown, wherever it was cut. */
const PART = 8

/** What is beyond looks drawn by lot by itself. */
const LONGEST = 4096

const LONGEST_CUT = 200

/** Logins are short. */
const LONGEST_BODY = 65_536

/** Shorter ones are not looked for between other characters: "no time" holds "otim". A one-time code may have a space. */
const LOOSE = 8

const WORDS = /^[a-z]+(?:[-_. ][a-z]+)*\d{0,2}$/i
const NUMBERS = /^[\d.,:+-]{1,15}$/

/** What may be said again in a message: an IP address, a word, a small number. Unless it was given as a secret. */
const isPlain = (value: string): boolean =>
  NUMBERS.test(value) || (value.length <= 64 && WORDS.test(value) && oddness(value) === 0)

/** As it was before it was turned into the bytes that a header can have. */
const fromBytes = (text: string): string =>
  readingOf(text.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`)).text

const unBase64 = (text: string): string => {
  try {
    return atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  } catch {
    return ''
  }
}

/** The parts of a header's value that are secrets of their own: of credentials, cookies, and parameters. */
const partsOf = (value: string): readonly string[] => {
  const credentials = value.replace(/^[\w-]+\s+/, '')
  const pairs = [...value.split(';'), ...value.split(/[\s,;]+/)].map((pair) =>
    pair
      .trim()
      .replace(/^[^\s"=]+=(?!=*$)/, '')
      .replace(/^"|"$/g, ''),
  )
  const parts = [credentials, ...pairs]
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

/** Names that are given to identifiers of requests, which help whoever reads what happened. */
const TRACE = /^(?:x-)?(?:amzn-|ms-|client-)*(?:request-id|correlation-id|trace(?:parent|state|-id))$/i

/** What a request shows of itself. */
export interface Held {
  readonly url: string
  readonly headers: Pick<Headers, 'forEach'>
  /** Its body, where that is known: what it gives the name of a secret is one. */
  readonly bodyText?: string | undefined
}

/** What requests hold that is not for others to read. */
export interface Known {
  /** Adds what a request's URL and headers hold. */
  learn(request: Held, key: string): void
  /** Tells where a text holds any of it, in whatever spelling, or a part of it. */
  find(text: string, found: (from: number, to: number) => void): void
}

export const newKnown = (shown: {
  readonly query: ReadonlySet<string>
  readonly headers: ReadonlySet<string>
}): Known => {
  /** Folded; of some the characters that they have unfolded, where they have no more. */
  const secrets = new Map<string, number>()
  /** Of what has hardly any letters. */
  const literal = new Set<string>()
  const parts = new Set<string>()
  const added = new Set<string>()

  const add = (value: string, always: boolean): void => {
    const bounded = value.slice(0, LONGEST)
    if (added.has(`${always} ${bounded}`)) return
    added.add(`${always} ${bounded}`)
    for (const one of /[\u0080-\u00ff]/.test(bounded) ? [bounded, fromBytes(bounded)] : [bounded]) {
      if (one.length < SHORTEST || (!always && isPlain(one))) continue
      const { text } = readingOf(one)
      const letters = folded(text).text
      if (letters.length < SHORTEST) literal.add(text)
      else secrets.set(letters, letters.length < LOOSE ? text.length + 1 : Infinity)
      // Words of a wordy one are in other texts, too.
      if (oddness(one) >= ODD) for (let i = 0; i + PART <= letters.length; i++) parts.add(letters.slice(i, i + PART))
    }
  }

  const learn: Known['learn'] = ({ url, headers, bodyText = '' }, key) => {
    const [, userinfo = '', path = '', query = ''] =
      /^[^:]+:\/\/(?:([^/?#]*)@)?[^/?#]*([^?#]*)(?:\?([^#]*))?/.exec(url) ?? []
    if (userinfo) for (const one of [userinfo, ...userinfo.split(':')]) add(one, true)
    for (const { 0: segment } of hiddenSegments(path)) if (oddness(segment) >= ODD) add(segment, false)
    for (const pair of query.split('&')) {
      const [, name = '', value = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(pair) ?? []
      const plain = readingOf(name).text
      if (shown.query.has(plain.toLowerCase()) && oddness(value) < ODD) continue
      add(value, isSecretName(plain))
    }
    headers.forEach((value, name) => {
      if (name === 'host' || TRACE.test(name)) return
      const always = isSecretName(name)
      for (const part of partsOf(value)) {
        // A scheme is no secret; what follows it is.
        if (/^(?:bearer|basic|digest|token|apikey)$/i.test(part)) continue
        if (!shown.headers.has(name) || (oddness(part) >= ODD_IN_TEXT && !/\s/.test(part))) add(part, always)
      }
    })
    const body = bodyText.slice(0, LONGEST_BODY)
    findPairs(body, (from, to) => add(body.slice(from, to).replace(/^[\\"'[]+|[\\"'\]]+$/g, ''), true))
    // Some partition by API key.
    if (key !== originOf(url)) add(key, false)
  }

  const find: Known['find'] = (whole, found) => {
    const { text, at } = folded(whole)
    const mark = (from: number, length: number): void => found(at[from] ?? 0, (at[from + length - 1] ?? 0) + 1)
    for (const [secret, chars] of secrets) {
      const { length } = secret
      for (let i = text.indexOf(secret); i >= 0; i = text.indexOf(secret, i + length))
        if ((at[i + length - 1] ?? 0) - (at[i] ?? 0) < chars) mark(i, length)
      // Whoever wrote the text may have cut it.
      const head = secret.slice(0, SHORTEST)
      for (let i = text.indexOf(head, text.length - LONGEST_CUT); i >= 0; i = text.indexOf(head, i + 1))
        if (secret.startsWith(text.slice(i))) mark(i, text.length - i)
    }
    if (parts.size > 0)
      for (let i = 0; i + PART <= text.length; i++) if (parts.has(text.slice(i, i + PART))) mark(i, PART)
    for (const secret of literal)
      for (let i = whole.indexOf(secret); i >= 0; i = whole.indexOf(secret, i + secret.length))
        found(i, i + secret.length)
  }

  return { learn, find }
}
