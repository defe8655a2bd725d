import { describe, expect, test, vi } from 'vitest'
import { describeError, originOf, redaction, REDACTED, type RedactOptions, type Redactor } from '../src/index.ts'
import { letters } from './samples.ts'

const URL_A = 'https://api.example.com/v1/things'

const redactorFor = (url = URL_A, headers: Record<string, string> = {}, options: RedactOptions = {}): Redactor =>
  redaction(options)({ url, headers: new Headers(headers) }, originOf(url))

const plain = redactorFor()

describe('4. of URLs and headers only what is known to be harmless is shown', () => {
  test.each([
    ['https://ann:open@api.example.com/v1?page=2#t=open', 'https://[redacted]@api.example.com/v1?page=2#[redacted]'],
    ['https://docs.example.com/v1/limits#rate-limits', 'https://docs.example.com/v1/limits#rate-limits'],
    ['https://api.example.com/v1?q=a&PAGE=3&colour', 'https://api.example.com/v1?q=[redacted]&PAGE=3&colour'],
    ['https://api.example.com/v1/things/42/items', 'https://api.example.com/v1/things/42/items'],
    ['https://api.example.com/x/a8Kd02Lq/y?page=a8Kd02Lq', 'https://api.example.com/x/[redacted]/y?page=[redacted]'],
    ['https://a8Kd02Lqx1.example.com/', 'https://a8Kd02Lqx1.example.com/'],
    ['https://api.example.com/x/qZxWvKjQhBpTgLmR', 'https://api.example.com/x/[redacted]'],
    ['https://api.example.com/x/123456789012345678901234', 'https://api.example.com/x/123456789012345678901234'],
    ['https://api.example.com/reset/q7/things', 'https://api.example.com/reset/q7/things'],
    ['https://api.example.com/reset/qx7z', 'https://api.example.com/reset/[redacted]'],
    ['https://api.example.com/ann@example.com/@ann', 'https://api.example.com/[redacted]/@ann'],
    ['https://api.example.com/?a8Kd02Lq&qx7z&page', 'https://api.example.com/?[redacted]&[redacted]&page'],
    ['https://api.example.com/?page=', 'https://api.example.com/?page='],
    ['/v1/things?q=blue#', '/v1/things?q=[redacted]#'],
    ['no URL', REDACTED],
  ])('%s', (url, shown) => {
    expect(plain.url(url)).toBe(shown)
  })

  test('headers: those about limits, and a list', () => {
    const all = {
      'content-type': 'text/html',
      'x-acme-quota-left': '3',
      'anthropic-ratelimit-tokens-remaining': '4000',
      'x-ratelimit-remaining-tokens': '4000',
      'x-ratelimit-reset': letters(5) + 'a8Kd02Lqx1z',
      'x-ratelimit-session': 'blue',
      'set-cookie': 'a=b',
      'x-tenant': 'blue',
    }
    expect(plain.headers(new Headers(all))).toEqual({
      'content-type': 'text/html',
      'x-acme-quota-left': '3',
      'anthropic-ratelimit-tokens-remaining': '4000',
      'x-ratelimit-remaining-tokens': '4000',
      'x-ratelimit-reset': REDACTED,
    })
  })
})

describe('5. what the request holds as a secret is masked everywhere, in all its spellings', () => {
  test('the parts of credentials and cookies', () => {
    const basic = btoa('admin-user:open sesame')
    const { text } = redactorFor(URL_A, {
      authorization: `Basic ${basic}`,
      cookie: 'sid=plainvalue; theme=dark',
      'proxy-authorization': 'Digest response="abcdefabcdef"',
    })
    expect(text(`user admin-user with open sesame, ${basic}, sid plainvalue, digest abcdefabcdef`)).toBe(
      'user [redacted] with [redacted], [redacted], sid [redacted], digest [redacted]',
    )
  })

  test('of credentials in base64url, and of what is neither', () => {
    // The bytes of "ann:öpen?>~sesame".
    const { text } = redactorFor(URL_A, { authorization: 'Basic YW5uOvZwZW4_Pn5zZXNhbWV-', 'x-auth': 'Basic ***' })
    expect(text('no öpen?>~sesame')).toBe('no [redacted]')
    expect(text('no sesame')).toBe('no sesame')
  })

  test('eight characters of a key, wherever it was cut', () => {
    const { text } = redactorFor(URL_A, { authorization: 'Bearer correcthorsebatterystaple7Kd02Lqx' })
    for (const part of ['correcth', 'horsebatt', 'ystaple7', '7Kd02Lqx'])
      expect(text(`<${part}> it`)).toBe('<[redacted]> it')
    expect(text('<horseba> it')).toBe('<horseba> it')
  })

  test('a key to partition by, but not the origin', () => {
    const request = { url: URL_A, headers: new Headers() }
    expect(redaction()(request, 'ann@example.com').text('for ann@example.com')).toBe('for [redacted]')
    expect(redaction()(request, 'https://api.example.com').text('at https://api.example.com')).toBe(
      'at https://api.example.com',
    )
    expect(originOf('of no URL')).toBe('')
  })

  test('not words, addresses and numbers that stand where no secret does', () => {
    const { text } = redactorFor(`${URL_A}?city=paris&ip=192.0.2.1&key=paris-texas`, { 'x-tenant': 'blue' })
    expect(text('no blue in paris for 192.0.2.1')).toBe('no blue in paris for 192.0.2.1')
    expect(text('no paris-texas')).toBe('no [redacted]')
  })

  test('what a body that is known gives the name of a secret', () => {
    const bodyText = '{"query":"mutation($p: String!) { a }","variables":{"password":"open sesame","city":"paris"}}'
    const { text } = redaction()({ url: URL_A, headers: new Headers(), bodyText }, originOf(URL_A))
    expect(text('$p got open sesame in paris')).toBe('$p got [redacted] in paris')
  })

  test('nor the host, and what is shown of a path', () => {
    const redactor = redactorFor('https://b.s3.amazonaws.com/graphql', { host: 'b.s3.amazonaws.com' })
    expect(redactor.url('https://b.s3.amazonaws.com/graphql')).toBe('https://b.s3.amazonaws.com/graphql')
    expect(redactor.text('200, graphql: no bucket b.s3.amazonaws.com')).toBe(
      '200, graphql: no bucket b.s3.amazonaws.com',
    )
    expect(redactorFor(`${URL_A}/a8Kd02Lq`).text('no a8Kd02Lq')).toBe('no [redacted]')
    expect(redactorFor(`${URL_A}/reset/xkcdqzwv`).text('no xkcdqzwv')).toBe('no [redacted]')
  })
})

test.each(['seed-phrase', 'recovery_phrase', 'backup-words', 'WALLET_PHRASE'])(
  'a phrase that opens a wallet is no speech: %s',
  (name) => {
    const words = 'legal winner thank year wave sausage worth useful'
    expect(plain.text(`{"${name}":"${words}"}`)).not.toContain('winner')
    expect(redactorFor(URL_A, { [name.replace(/\W/g, '-')]: words }).text(`${words} is not known`)).not.toContain(
      'winner',
    )
  },
)

test.each([
  [
    'that ends like a name for identifiers',
    '{"error":"no: WTarmoWWNe6NMOqJWCoLLsBf0Dk8NId","A":"fNmIDo7NKu1u943tgDvWZId"}',
  ],
  ['with letters that no word repeats so', 'denied for A=AAA2AAAAAAAAAAAAAdRqJhoG'],
  ['with a single digit between letters that are nearly words', 'denied for A=TkQOCidxCISWEeFIAFE9JSIX'],
])('a token is masked, also one %s', (_, text) => {
  expect(plain.text(text)).not.toMatch(/[A-Za-z\d]{10}/)
})

test('an identifier is shown in the field that is called so', () => {
  expect(plain.text('{"error":"none","requestId":"fNmIDo7NKu1u943tgDvWZ"}')).toContain('fNmIDo7NKu1u943tgDvWZ')
})

describe('7. an identifier is shown, unless the request held it', () => {
  test.each([
    ['a8Kd02Lqx1z7Pw93mB', 'a8Kd02Lqx1z7Pw93mB'],
    [
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    ],
    ['held-7Pw93mB', REDACTED],
    [`sk-${letters(30)}`, REDACTED],
    ['<b>1</b>', REDACTED],
    ['', REDACTED],
  ])('%s', (id, shown) => {
    expect(redactorFor(URL_A, { 'x-key': 'held-7Pw93mB' }).id(id)).toBe(shown)
  })
})

describe('8. of errors name, message, code and causes are shown', () => {
  const error = (message: string, rest: object): Error => Object.assign(new Error(message), rest)

  test('and no other property', () => {
    const cause = error('connect ECONNREFUSED 192.0.2.1:443', { code: 'ECONNREFUSED', address: '192.0.2.1' })
    const thrown = error('fetch failed for key=opensesame', { name: 'TypeError', body: 'opensesame', cause })
    expect(describeError(thrown, plain)).toEqual({
      name: 'TypeError',
      message: 'fetch failed for key=[redacted]',
      cause: { name: 'Error', message: 'connect ECONNREFUSED 192.0.2.1:443', code: 'ECONNREFUSED' },
    })
  })

  test('a code that is a number', () => {
    expect(describeError(error('aborted', { code: 20 }), plain)).toEqual({
      name: 'Error',
      message: 'aborted',
      code: '20',
    })
  })

  test('a text that is called errors is no cause', () => {
    expect(describeError(error('invalid', { errors: 'two fields' }), plain)).toEqual({
      name: 'Error',
      message: 'invalid',
    })
  })

  test('five deep, also of an error that is its own cause', () => {
    const thrown: Error & { cause?: unknown } = new Error('round')
    thrown.cause = thrown
    expect(JSON.stringify(describeError(thrown, plain)).match(/round/g)).toHaveLength(5)
  })

  test('of an AggregateError, the first', () => {
    expect(describeError(new AggregateError([new Error('one'), new Error('two')], 'all'), plain)).toEqual({
      name: 'AggregateError',
      message: 'all',
      cause: { name: 'Error', message: 'one' },
    })
  })

  const gone = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  const hostile = {
    get message(): string {
      throw new Error('no')
    },
    errors: gone(),
    name: Object.create(null) as unknown,
  }
  test.each([
    ['a text', () => 'said', { name: 'string', message: 'said' }],
    ['nothing', () => undefined, { name: 'undefined', message: 'undefined' }],
    ['null', () => null, { name: 'object', message: 'null' }],
    ['an object without a prototype', () => Object.create(null), { name: 'Error', message: '' }],
    ['a revoked proxy', gone, { name: 'Error', message: '' }],
    ['one that throws', () => hostile, { name: 'object', message: '' }],
  ])('whatever is thrown: %s', (_, thrown, record) => {
    expect(describeError(thrown(), plain)).toEqual(record)
  })
})

describe('9. users extend the redaction', () => {
  test('by names that may be shown, and by a function that takes out more', () => {
    const redact = {
      query: ['IP'],
      headers: ['X-Tenant'],
      text: (text: string) => text.replaceAll('Acme', '[customer]'),
    }
    const url = `${URL_A}?ip=10.0.0.1&colour=blue&page=Acme`
    const redactor = redactorFor(url, { 'x-tenant': 'red' }, redact)
    expect(redactor.url(url)).toBe(`${URL_A}?ip=10.0.0.1&colour=[redacted]&page=[customer]`)
    expect(redactor.headers(new Headers({ 'x-tenant': 'Acme' }))).toEqual({ 'x-tenant': '[customer]' })
    expect(redactor.text('Acme may not ask for 10.0.0.1')).toBe('[customer] may not ask for 10.0.0.1')
    expect(redactor.id('Acme-1')).toBe('[customer]-1')
  })

  test('a function that throws leaves the text out', () => {
    const report = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const text = (): string => {
      throw new Error('no')
    }
    expect(redactorFor(URL_A, {}, { text }).text('Acme')).toBe(REDACTED)
    expect(report).toHaveBeenCalledOnce()
  })

  test('two instances share nothing', () => {
    const open = redaction({ query: ['ip'] })
    const closed = redaction()
    const request = { url: `${URL_A}?ip=10.0.0.1`, headers: new Headers({ 'x-key': 'opensesame' }) }
    const other = { url: URL_A, headers: new Headers() }
    expect(open(request, '').url(request.url)).toBe(request.url)
    expect(closed(request, '').url(request.url)).toBe(`${URL_A}?ip=[redacted]`)
    expect(open(request, '').text('no opensesame')).toBe('no [redacted]')
    expect(open(other, '').text('no opensesame')).toBe('no opensesame')
  })
})

describe('10. texts are bounded, and of any make take milliseconds', () => {
  const pieces = [
    'eyJ-',
    'fc-',
    'sk-a-',
    'a=',
    '"a":',
    'key=',
    '"key":"',
    'key=\\"',
    "key='",
    '\\',
    'key: a-',
    'a-',
    'a',
    '1.',
    'a/',
    'Bearer ',
    'A',
    '@',
    '[redacted]',
    '\\"',
    'token: ',
    'x.',
    'https://a',
    '-----BEGIN PRIVATE KEY-----',
    'password ',
    'password 1',
    '-u a:',
    'machine a login b ',
    ' ',
    'é%',
  ]

  /** In milliseconds of the processor: what else runs on the machine does not count. */
  const timeOf = (work: () => unknown): number => {
    const before = process.cpuUsage()
    work()
    return process.cpuUsage(before).user / 1000
  }

  test.each(pieces)('%j', (piece) => {
    const text = piece.repeat(Math.ceil(100_000 / piece.length))
    let shown = ''
    expect(timeOf(() => (shown = plain.text(text)))).toBeLessThan(500)
    expect(shown.length).toBeLessThanOrEqual(1001)
    expect(plain.text(text, 20).length).toBeLessThanOrEqual(21)
    expect(plain.id(text).length).toBeLessThanOrEqual(128)
  })

  test.each(pieces)('also in a URL, in a header and in an error: %j', (piece) => {
    const text = piece.repeat(Math.ceil(20_000 / piece.length))
    const url = `https://api.example.com/${encodeURI(text)}?${encodeURIComponent(text)}=${encodeURIComponent(text)}`
    const headers = { 'x-any': text, accept: text, cookie: text, authorization: `Basic ${text}` }
    const work = (): void => {
      const redactor = redactorFor(url, headers)
      expect(redactor.url(url).length).toBeLessThanOrEqual(2001)
      expect(JSON.stringify(redactor.headers(new Headers(headers))).length).toBeLessThan(3000)
      expect(JSON.stringify(describeError(new TypeError(text), redactor)).length).toBeLessThan(3000)
    }
    expect(timeOf(work)).toBeLessThan(1000)
  })

  test('what fits is shown to its end', () => {
    expect(plain.text('word '.repeat(200))).toBe('word '.repeat(200))
    expect(plain.text(`${'word '.repeat(200)}w`)).toBe(`${'word '.repeat(200)}…`)
    const whole = `${'word '.repeat(1638)}wo`
    expect(plain.text(whole, 10_000)).toBe(whole)
  })

  test.each([' ', '\n', '"'])(
    'a key behind %j that the bound of what is looked at cuts through is not begun',
    (mark) => {
      const whole = `${'word '.repeat(1637)}wor`
      expect(plain.text(`${whole}${mark}qZ1${letters(40)}`, 10_000)).toBe(whole)
    },
  )

  test('a key that the bound cuts through is not shown in part', () => {
    for (let length = 900; length < 1010; length++) {
      const start = `${'word '.repeat(length / 5)}${letters(length % 5)}`
      expect(plain.text(`${start} sk-${letters(40)}`)).not.toContain('sk-abcd')
    }
    for (let length = 8100; length < 8200; length++) {
      const start = `${'word '.repeat(length / 5)}${letters(length % 5)}`
      expect(plain.text(`${start} sk-${letters(40)}`, 10_000)).not.toContain('sk-abcd')
    }
  })
})

describe('options that make no sense', () => {
  test.each([
    [{ query: 'ip' }, 'redact: query must be a list of names, got string'],
    [{ headers: [1] }, 'redact: headers[0] must be a string, got 1'],
    [{ text: 'x' }, 'redact: text must be a function, got string'],
  ])('%o', (options, message) => {
    const make = () => redaction(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })
})

describe('of a path in a text only what looks like a key is masked', () => {
  test.each([
    ['at /users/a8Kd02Lqx1zQ/items of it', 'at /users/[redacted]/items of it'],
    ['users/a8Kd02Lqx1zQ/y9Wd03Lqx1zQ, too', 'users/[redacted]/[redacted], too'],
    // Of Base64 with slashes the short parts are of the key, too.
    ['aB3/dE5Fg7HiJ/9jK1lM it', '[redacted] it'],
    ['(a8Kd02Lqx1zQ)', '([redacted])'],
    ['-550e8400-e29b-41d4-a716-446655440000- it', '-550e8400-e29b-41d4-a716-446655440000- it'],
    ['token -550e8400-e29b-41d4-a716-446655440000- it', 'token [redacted] it'],
  ])('%s', (text, shown) => {
    expect(plain.text(text)).toBe(shown)
  })
})
