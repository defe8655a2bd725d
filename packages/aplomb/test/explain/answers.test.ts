import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAnswers, responseOf, type SavedAnswer } from '../../src/explain/index.ts'

const last = (text: string): SavedAnswer => parseAnswers(text).at(-1)!
const crlf = (text: string): string => text.replaceAll('\n', '\r\n')

const HEAD = 'HTTP/1.1 429 Too Many Requests\nContent-Type: application/json\nRetry-After: 7\n\n'
const BODY = '{"message":"slow\\ndown"}'
const READ = {
  version: 'HTTP/1.1',
  status: 429,
  statusText: 'Too Many Requests',
  headers: [
    ['Content-Type', 'application/json'],
    ['Retry-After', '7'],
  ],
  body: BODY,
}

describe('an answer is read as curl prints it', () => {
  it.each<[name: string, text: string, read: object]>([
    ['with -i', HEAD + BODY, READ],
    ['with CRLF', crlf(HEAD) + BODY, READ],
    ['without a body', HEAD, { ...READ, body: '' }],
    ['without the empty line', HEAD.trimEnd(), { ...READ, body: '' }],
    ['with a byte order mark', `\ufeff${HEAD}${BODY}`, READ],
    ['behind a prompt', `$ curl -i https://api.test/\n${HEAD}${BODY}`, READ],
    [
      'by HTTP/2',
      'HTTP/2 503 \r\nretry-after: 7\r\n\r\n',
      { version: 'HTTP/2', status: 503, statusText: '', body: '' },
    ],
    ['by HTTP/3', 'HTTP/3 200\nx: y\n\nok', { version: 'HTTP/3', headers: [['x', 'y']], body: 'ok' }],
    ['with a folded header', 'HTTP/1.1 200 OK\nX-Note: one\n  two\n\n', { headers: [['X-Note', 'one two']] }],
    ['with empty values', 'HTTP/1.1 200 OK\nX-Note:\n\n', { headers: [['X-Note', '']] }],
  ])('%s', (_, text, read) => {
    expect(last(text)).toMatchObject(read)
  })

  it('and says what is missing where there is none', () => {
    expect(() => parseAnswers('{"a":1}')).toThrow('no status line, such as "HTTP/1.1 429 Too Many Requests"')
    expect(() => parseAnswers(' \n')).toThrow('there is nothing to read')
    expect(() => parseAnswers('curl: (28) Operation timed out')).toThrow('curl: (28) Operation timed out')
  })
})

describe('of several answers all are read, and the last one is the one that counts', () => {
  const statuses = (text: string): number[] => parseAnswers(text).map(({ status }) => status)

  it.each<[name: string, text: string, all: number[]]>([
    ['100 Continue', `HTTP/1.1 100 Continue\n\n${HEAD}${BODY}`, [100, 429]],
    ['103 Early Hints', `HTTP/2 103\nlink: </a>\n\n${HEAD}${BODY}`, [103, 429]],
    ["a proxy's CONNECT", `HTTP/1.1 200 Connection established\n\n${HEAD}${BODY}`, [200, 429]],
    ['redirects', `HTTP/2 301\nlocation: /b\n\nHTTP/2 302\nlocation: /c\n\n${HEAD}${BODY}`, [301, 302, 429]],
    ['two URLs', `HTTP/1.1 200 OK\nX: 1\n\n{"a":1}${HEAD}${BODY}`, [200, 429]],
    ['two URLs, the first empty', `HTTP/1.1 200 OK\nContent-Length: 0\n\n${HEAD}${BODY}`, [200, 429]],
    [
      'one whose length says where it ends',
      `HTTP/1.1 200 OK\nContent-Length: 3\n\nöa\nHTTP/1.1 204 No Content\n`,
      [200, 204],
    ],
  ])('%s', (_, text, all) => {
    expect(statuses(text)).toEqual(all)
    expect(statuses(crlf(text))).toEqual(all)
  })

  it('a body that speaks of HTTP is no answer', () => {
    const body = 'HTTP/1.1 200 OK means that it was served.'
    expect(last(`HTTP/1.1 404 Not Found\nX: 1\n\nSee:\n${body}`).body).toBe(`See:\n${body}`)
  })
})

describe('of chunks that --raw has left, the body is put together', () => {
  const chunked = `HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n`

  it.each<[name: string, body: string, read: string]>([
    ['with CRLF', '5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n', '{"a":1}'],
    ['with LF', '5\n{"a":\n2\n1}\n0\n\n', '{"a":1}'],
    ['with an extension', '3;x=y\r\nabc\r\n0\r\n\r\n', 'abc'],
    ['with bytes counted, not characters', '4\r\nöä\r\n0\r\n\r\n', 'öä'],
    ['cut off', '3\r\n{"a\r\n10\r\n":1', '{"a":1'],
    ['unpacked by curl already', '{"a":1}', '{"a":1}'],
    ['unpacked, and a number', '0', '0'],
    ['unpacked, and lines of hex', 'abc\ndef\n', 'abc\ndef\n'],
  ])('%s', (_, body, read) => {
    expect(last(chunked + body).body).toBe(read)
  })
})

describe('what -v says of the request is taken from there', () => {
  const trace = [
    '* Connected to api.test (192.0.2.1) port 443',
    '* ALPN: server accepted h2',
    '> POST /v1/pay?key=k HTTP/2',
    '> Host: api.test',
    '> Idempotency-Key: abc',
    '> ',
    '} [2 bytes data]',
    '< HTTP/2 429 ',
    '< retry-after: 7',
    '< ',
  ]
  const request = { method: 'POST', url: 'https://api.test/v1/pay?key=k' }
  const end = '* Connection #0 to host api.test left intact'

  it.each<[name: string, lines: readonly string[]]>([
    ['alone', [...trace, `${BODY}${end}`]],
    [
      'with a progress meter',
      [
        '  % Total    % Received % Xferd',
        '100  8  100  8  0  0  70  0 --:--:-- --:--:-- --:--:--  70',
        ...trace,
        BODY,
        end,
      ],
    ],
    ['with -i', [...trace.slice(0, 7), 'HTTP/2 429 ', 'retry-after: 7', '', ...trace.slice(7), BODY, end]],
    [
      'with -i, line by line',
      [...trace.slice(0, 8), 'HTTP/2 429 ', '< retry-after: 7', 'retry-after: 7', '< ', '', BODY, end],
    ],
  ])('%s', (_, lines) => {
    for (const newline of ['\n', '\r\n']) {
      const answer = last(lines.join(newline))
      expect(answer).toMatchObject({ status: 429, headers: [['retry-after', '7']], request })
      expect(answer.body.trim()).toBe(BODY)
      expect(answer.request?.headers).toContainEqual(['Idempotency-Key', 'abc'])
    }
  })

  it('and the last one counts after a redirect', () => {
    const text =
      '> POST /a HTTP/1.1\n> Host: a.test\n< HTTP/1.1 303 See Other\n<\n> GET /b HTTP/1.1\n> Host: b.test\n< HTTP/1.1 200 OK\n<\nhi'
    expect(parseAnswers(text).map(({ status }) => status)).toEqual([303, 200])
    expect(last(text)).toMatchObject({ body: 'hi', request: { method: 'GET', url: 'http://b.test/b' } })
  })
})

describe('an answer that was read becomes a Response', () => {
  it.each([101, 199, 204, 205, 304, 600, 999])('with status %i', (status) => {
    const answer = { version: 'HTTP/1.1', status, statusText: 'Ünusual', headers: [], body: 'body' }
    expect(responseOf(answer).status).toBe(status)
  })

  it('with headers of any make', async () => {
    const headers = [
      ['x-ütf', 'a'],
      [':status', '200'],
      ['x-emoji', '🙂\u0000'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ] as const
    const response = responseOf({ version: 'HTTP/2', status: 200, statusText: '', headers, body: 'é' })
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(Array.from(response.headers.keys())).toEqual(['set-cookie', 'set-cookie', 'x-emoji'])
    expect(await response.text()).toBe('é')
  })

  it('whatever was read', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'HTTP/1.1 200 OK',
        'HTTP/2 999',
        '\r\n',
        '\n',
        '\n\n',
        'a: b',
        '> GET / HTTP/1.1',
        '< HTTP/2 100',
        'Content-Length: 3',
        'Transfer-Encoding: chunked',
        '3',
        '* x',
        '0',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = `HTTP/1.1 429 No\n${pieces.join('')}`
        for (const answer of parseAnswers(text)) expect(responseOf(answer).status).toBe(answer.status)
      }),
      { seed: 17, numRuns: 2000 },
    )
  })
})
