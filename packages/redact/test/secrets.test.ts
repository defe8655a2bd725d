import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeError, originOf, redaction, type Redactor } from '../src/index.ts'
import { calledBy } from '../src/names.ts'

/** Drawn by lot, as keys are: of letters and digits, or of all that base64 and base64url have. */
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const drawn = (from: string, minLength: number, maxLength = 64) =>
  fc.string({ unit: fc.constantFrom(...from.split('')), minLength, maxLength })
const token = fc
  .oneof(
    drawn(ALPHANUMERIC, 24),
    drawn('0123456789abcdef', 26),
    drawn(`${ALPHANUMERIC}-_`, 32),
    drawn(`${ALPHANUMERIC}+/`, 32),
    fc.uuid(),
  )
  .filter((one) => /\d/.test(one) && new Set(one).size > 8)
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** Short and wordy: that it is a secret is known only from where it stands. */
const password = fc.constantFrom('hunter22', 'correcthorse', 'open sesame', 'letmein!', 'p%ss"word\\', 'ключ-ключ')

/** Any name that a header can have. Of a record, `Headers` of undici lose `__proto__`. */
const anyName = fc.oneof(
  drawn(`${ALPHANUMERIC}!#$%&'*+-.^_|~`, 1, 20).filter((name) => name !== '__proto__'),
  fc.constantFrom('accept', 'server', 'user-agent', 'x-ratelimit-limit', 'retry-after', 'page', 'limit', 'v', 'ip'),
)
const secretName = fc.constantFrom('api-key', 'access_token', 'X-Auth', 'password', 'client_secret', 'x-ratelimit-key')

type Place = (secret: string, name: string) => { url: string; headers?: Record<string, string>; key?: string }

const HOST = 'api.example.com/v1/things'
const encode = encodeURIComponent

/** Where a request holds a secret. */
const HELD: Readonly<Record<string, Place>> = {
  user: (secret) => ({ url: `https://${encode(secret)}@${HOST}` }),
  userinfo: (secret) => ({ url: `https://ann:${encode(secret)}@${HOST}?page=2` }),
  query: (secret, name) => ({ url: `https://${HOST}?page=2&${encode(name)}=${encode(secret)}` }),
  'form-encoded query': (secret, name) => ({ url: `https://${HOST}?${new URLSearchParams({ [name]: secret })}` }),
  header: (secret, name) => ({ url: `https://${HOST}`, headers: { [name]: latin1(secret) } }),
  bearer: (secret, name) => ({ url: `https://${HOST}`, headers: { [name]: `Bearer ${latin1(secret)}` } }),
  basic: (secret) => ({
    url: `https://${HOST}`,
    headers: { authorization: `Basic ${btoa(`ann:${latin1(secret)}`)}` },
  }),
  cookie: (secret, name) => ({ url: `https://${HOST}`, headers: { cookie: `a=b; ${name}=${latin1(secret)}` } }),
}

/** Where nothing but its form tells. */
const LOOSE: Readonly<Record<string, Place>> = {
  'query, as it is': (secret, name) => ({ url: `https://${HOST}?${encode(name)}=${secret}` }),
  'bare query': (secret) => ({ url: `https://${HOST}?${secret}` }),
  path: (secret) => ({ url: `https://${HOST}/${encode(secret)}/items` }),
  webhook: (secret) => ({ url: `https://${HOST}/hooks/T0001/${encode(secret)}?page=2#${secret}` }),
  key: (secret) => ({ url: `https://${HOST}`, key: secret }),
  'request body': () => ({ url: `https://${HOST}` }),
}

/** As header values are, on the way through `fetch`. */
const latin1 = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))

const failure = (message: string, rest: object = {}): Error => Object.assign(new TypeError(message), rest)

/** What may show it again. */
const ECHOES: Readonly<Record<string, (redactor: Redactor, secret: string, name: string) => unknown>> = {
  message: ({ text }, secret) => text(`Incorrect API key provided: ${secret}. See the docs.`),
  'JSON body': ({ text }, secret, name) => text(JSON.stringify({ error: { [name]: secret, message: `no ${secret}` } })),
  'JSON in JSON': ({ text }, secret, name) =>
    text(JSON.stringify({ sent: JSON.stringify({ [name]: secret, list: [secret] }) })),
  'form body': ({ text }, secret, name) => text(`a=1&${new URLSearchParams({ [name]: secret })}&b=2`),
  'HTML body': ({ text }, secret) => text(`<html><body>token <b>${secret}</b></body></html>`),
  'other URL': ({ url, text }, secret, name) => {
    const other = `https://ann:${encode(secret)}@${HOST}/${encode(secret)}?${encode(name)}=${encode(secret)}#${encode(secret)}`
    return [url(other), text(`GET ${other} failed`)]
  },
  'header of an answer': ({ headers }, secret, name) => headers(new Headers({ [name]: latin1(secret) })),
  error: (redactor, secret) => describeError(failure(`connect to ${secret} failed`, { code: secret }), redactor),
  'nested cause': (redactor, secret) => {
    const cause = failure('socket', { cause: failure(`at ${secret}`, { code: secret, name: secret, input: secret }) })
    return describeError(failure('fetch failed', { cause }), redactor)
  },
  aggregate: (redactor, secret) =>
    describeError(failure('failed', { cause: new AggregateError([failure(`tried ${secret}`)]) }), redactor),
  'thrown text': (redactor, secret) => describeError(`no ${secret}`, redactor),
  id: ({ id }, secret) => id(secret),
}

const spellings = (secret: string): string[] => [
  secret,
  encode(secret),
  latin1(secret),
  new URLSearchParams({ a: secret }).toString().slice(2),
  JSON.stringify(secret).slice(1, -1),
]

const show = (place: Place, secret: string, name: string, echo: string): string => {
  const { url, headers: values = {}, key = originOf(url) } = place(secret, name)
  const headers = new Headers(values)
  const redactor = redaction()({ url, headers }, key)
  const shown = [
    redactor.url(url),
    redactor.headers(headers),
    redactor.text(key),
    ECHOES[echo]?.(redactor, secret, name),
  ]
  return JSON.stringify(shown)
}

const leaks = (shown: string, secret: string): string[] =>
  spellings(secret).filter((one) => shown.includes(one) || shown.includes(JSON.stringify(one).slice(1, -1)))

const places = fc.constantFrom(...Object.values(HELD), ...Object.values(LOOSE))
const echoes = fc.constantFrom(...Object.keys(ECHOES))

describe('6. no secret is ever shown', () => {
  test('wherever a token stands, and whatever repeats it', () => {
    const property = fc.property(token, anyName, places, echoes, (secret, name, place, echo) => {
      const isHeld = Object.values(HELD).includes(place)
      // Ids are drawn by lot, too: by their form, by their place, or by their name.
      fc.pre(isHeld || (echo !== 'id' && !UUID.test(secret) && calledBy(name) !== 'id'))
      expect(leaks(show(place, secret, name, echo), secret)).toEqual([])
    })
    fc.assert(property, { numRuns: 10_000 })
  })

  test('not even a plain word, where the request holds it as a secret', () => {
    const held = fc.constantFrom(...Object.values(HELD))
    const property = fc.property(password, secretName, held, echoes, (secret, name, place, echo) => {
      expect(leaks(show(place, secret, name, echo), secret)).toEqual([])
    })
    fc.assert(property, { numRuns: 5000 })
  })
})
