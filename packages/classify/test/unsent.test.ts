import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classifyError } from '../src/index.ts'

const URL_A = 'https://api.test/orders'

const fetchFailed = (cause: object): TypeError => new TypeError('fetch failed', { cause })
const system = (syscall: string, code: string, more: object = {}): Error =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall, ...more })
const coded = (code: string, message = code, more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more })

const judge = (error: unknown, url = URL_A) => classifyError(error, { request: { url } })

const connectTimeout = (where: string): Error =>
  coded('UND_ERR_CONNECT_TIMEOUT', `Connect Timeout Error (attempted ${where}, timeout: 10000ms)`)

describe('nothing has reached the server: `unsent`', () => {
  it.each<[string, unknown]>([
    ['refused', fetchFailed(system('connect', 'ECONNREFUSED', { address: '192.0.2.1', port: 443 }))],
    ['no route', fetchFailed(system('connect', 'EHOSTUNREACH', { address: '192.0.2.1', port: 443 }))],
    ['no network', fetchFailed(system('connect', 'ENETUNREACH'))],
    ['no answer while connecting', fetchFailed(system('connect', 'ETIMEDOUT', { port: 443 }))],
    ['reset while connecting', fetchFailed(system('connect', 'ECONNRESET'))],
    ['no more files for sockets', fetchFailed(system('connect', 'EMFILE'))],
    ['the resolver is busy', fetchFailed(system('getaddrinfo', 'EAI_AGAIN', { hostname: 'api.test' }))],
    ['no such host', fetchFailed(system('getaddrinfo', 'ENOTFOUND', { hostname: 'api.test' }))],
    ['undici: connect', fetchFailed(connectTimeout('address: api.test:443'))],
    ['undici: each address', fetchFailed(connectTimeout('addresses: 192.0.2.1:443, 192.0.2.2:443'))],
    [
      'every address',
      fetchFailed(
        Object.assign(
          new AggregateError([
            system('connect', 'ETIMEDOUT', { port: 443 }),
            system('connect', 'ENETUNREACH', { port: 443 }),
          ]),
          { code: 'ETIMEDOUT' },
        ),
      ),
    ],
    [
      'TLS was broken off',
      fetchFailed(
        coded('ECONNRESET', 'Client network socket disconnected before secure TLS connection was established', {
          host: 'api.test',
          port: '443',
        }),
      ),
    ],
    ['TLS took too long', coded('ERR_TLS_HANDSHAKE_TIMEOUT')],
    ['node-fetch', coded('ECONNREFUSED', `request to ${URL_A} failed, reason: connect ECONNREFUSED 192.0.2.1:443`)],
    ['node-fetch, late', coded('ETIMEDOUT', `request to ${URL_A} failed, reason: connect ETIMEDOUT 192.0.2.1:443`)],
    ['Bun', coded('ConnectionRefused', 'Unable to connect. Is the computer able to access the url?')],
    ['Bun, DNS', coded('FailedToOpenSocket', 'Was there a typo in the url or port?')],
    [
      'Deno',
      new TypeError(
        `error sending request for url (${URL_A}): client error (Connect): tcp connect error: Connection refused (os error 111)`,
      ),
    ],
    ['Electron', new Error('net::ERR_CONNECTION_REFUSED')],
    ['Electron', new Error('net::ERR_CONNECTION_TIMED_OUT')],
    ['Electron', new Error('net::ERR_ADDRESS_UNREACHABLE')],
    ['Electron', new Error('net::ERR_NAME_NOT_RESOLVED')],
  ])('%s: %#', (_, error) => {
    expect(judge(error)).toMatchObject({ retryable: true, unsent: true, refused: false })
  })

  it.each<[string, unknown]>([
    ['torn', fetchFailed(system('read', 'ECONNRESET'))],
    ['lost in a connection that stood', fetchFailed(system('read', 'EHOSTUNREACH'))],
    ['lost in a connection that stood, too long ago', fetchFailed(system('read', 'ETIMEDOUT'))],
    ['a pipe', fetchFailed(system('write', 'EPIPE'))],
    ['undici: no headers', fetchFailed(coded('UND_ERR_HEADERS_TIMEOUT'))],
    ['undici: other side closed', fetchFailed(coded('UND_ERR_SOCKET', 'other side closed'))],
    [
      'one address was sent to',
      fetchFailed(new AggregateError([system('connect', 'ECONNREFUSED'), system('read', 'ECONNRESET')])),
    ],
    ['node-fetch', coded('EHOSTUNREACH', `request to ${URL_A} failed, reason: read EHOSTUNREACH`)],
    ['nobody says', fetchFailed(new Error('fetch failed'))],
    ['a time-out of ours', new DOMException('late', 'TimeoutError')],
    ['Chrome', new TypeError('Failed to fetch')],
    ['Safari', new TypeError('Load failed')],
    ['Firefox', new TypeError('NetworkError when attempting to fetch resource.')],
    ['React Native', new TypeError('Network request failed')],
    ['Workers', new Error('Network connection lost.')],
    ['Electron', new Error('net::ERR_CONNECTION_RESET')],
    ['Electron', new Error('net::ERR_EMPTY_RESPONSE')],
    ['Electron', new Error('net::ERR_TIMED_OUT')],
    [
      'Deno',
      new TypeError(
        `error sending request for url (${URL_A}): client error (SendRequest): connection closed before message completed`,
      ),
    ],
  ])('not so: %s', (_, error) => {
    expect(judge(error)).toMatchObject({ retryable: true })
    expect(judge(error).unsent ?? false).toBe(false)
  })

  it.each<[string, unknown]>([
    ['another port', fetchFailed(system('connect', 'ECONNREFUSED', { address: '192.0.2.1', port: 8443 }))],
    ['another host', fetchFailed(system('getaddrinfo', 'EAI_AGAIN', { hostname: 'results.test' }))],
    ['another host', fetchFailed(connectTimeout('address: results.test:8443'))],
    ['another host', new TypeError('error sending request for url (https://results.test/): client error (Connect): x')],
  ])('nor if it is %s that cannot be reached: the first server had the request, and redirected it (%#)', (_, error) => {
    expect(judge(error)).toMatchObject({ retryable: true, unsent: false })
    expect(classifyError(error)).toMatchObject({ unsent: true })
  })
})

describe('a host that was not found is asked for once more, and is no matter of others: `tentative`', () => {
  it.each<unknown>([
    fetchFailed(system('getaddrinfo', 'ENOTFOUND', { hostname: 'api.test' })),
    fetchFailed(system('getaddrinfo', 'ENOTFOUND', { hostname: 'results.test' })),
    new Error('net::ERR_NAME_NOT_RESOLVED'),
    new TypeError('A server with the specified hostname could not be found.'),
    new TypeError(
      `error sending request for url (${URL_A}): client error (Connect): dns error: failed to lookup address information: Name or service not known`,
    ),
  ])('%s: %#', (error) => {
    expect(judge(error)).toMatchObject({ kind: 'network', retryable: true, tentative: true })
  })

  it('a resolver that is busy is no such thing', () => {
    expect(judge(fetchFailed(system('getaddrinfo', 'EAI_AGAIN')))).toMatchObject({ retryable: true, tentative: false })
  })
})

describe('no repetition mends', () => {
  it.each(['blob:http://a/1', 'data:,x', 'about:blank', 'BLOB:http://a/1'])(
    'a failure of %s, which no server has answered, whatever it looks like',
    (url) => {
      for (const error of [new TypeError('Failed to fetch'), fetchFailed(new Error('NetworkError'))]) {
        expect(classifyError(error, { request: { url } })).toMatchObject({ kind: 'invalid', retryable: false })
        // One that only begins like it is a server's.
        const other = { url: `https://${url}` }
        expect(classifyError(error, { request: other })).toMatchObject({ kind: 'network', retryable: true })
      }
    },
  )
  it.each<[string, unknown]>([
    ['a cross-origin redirect', fetchFailed(new Error('cross origin not allowed for request mode "cors"'))],
    ['credentials', fetchFailed(new Error('URL cannot contain credentials for request mode "cors"'))],
    ['CORS', fetchFailed(new Error('cors failure'))],
    ['integrity', fetchFailed(new Error('integrity mismatch'))],
    ['mixed content', new TypeError('Failed to fetch: mixed content was blocked')],
    ['a redirect of a stream', fetchFailed(new Error())],
    ['a proxy that wants a password', fetchFailed(new Error('proxy authentication required'))],
    ['the origin', fetchFailed(new Error('request mode cannot be "same-origin"'))],
    ['data:', fetchFailed(new Error('failed to fetch the data URL'))],
    ['about:', fetchFailed(new Error('about scheme is not supported'))],
    ['a closed dispatcher', fetchFailed(coded('UND_ERR_CLOSED', 'The client is closed'))],
    ['a destroyed dispatcher', fetchFailed(coded('UND_ERR_DESTROYED', 'The client is destroyed'))],
    ['headers', fetchFailed(coded('UND_ERR_HEADERS_OVERFLOW', 'Headers Overflow Error'))],
    ['headers', fetchFailed(coded('HPE_HEADER_OVERFLOW', 'Header overflow'))],
    ['a header', fetchFailed(coded('HPE_INVALID_HEADER_TOKEN', 'Invalid header value char'))],
    ['a length', fetchFailed(coded('HPE_INVALID_CONTENT_LENGTH', 'Invalid character in Content-Length'))],
    ['two lengths', fetchFailed(coded('HPE_UNEXPECTED_CONTENT_LENGTH', 'Content-Length already present'))],
    ['a line without CR', fetchFailed(coded('HPE_CR_EXPECTED', 'Missing expected CR after response line'))],
    ['a line without LF', fetchFailed(coded('HPE_LF_EXPECTED', 'Missing expected LF after header value'))],
    // Some versions of undici lose the code.
    ...[
      'Invalid header value char',
      'Missing expected CR after response line',
      'Expected LF after CR',
      'Duplicate Content-Length',
      "Transfer-Encoding can't be present with Content-Length",
    ].map((why): [string, unknown] => [
      why,
      fetchFailed(new Error(`Response does not match the HTTP/1.1 protocol (${why})`)),
    ]),
    ['a coding', fetchFailed(coded('HPE_INVALID_TRANSFER_ENCODING', 'Request has invalid `Transfer-Encoding`'))],
    ['an argument', fetchFailed(coded('UND_ERR_INVALID_ARG', 'invalid onError method'))],
    ['TLS', fetchFailed(coded('ERR_SSL_PACKET_LENGTH_TOO_LONG', 'SSL routines:packet length too long'))],
    ['Bun: redirect: error', coded('UnexpectedRedirect', 'The request was redirected')],
    ...[
      'CERT_DATE_INVALID',
      'CERT_AUTHORITY_INVALID',
      'SSL_PROTOCOL_ERROR',
      'TOO_MANY_REDIRECTS',
      'UNSAFE_REDIRECT',
      'UNSAFE_PORT',
      'INVALID_URL',
      'UNKNOWN_URL_SCHEME',
      'BLOCKED_BY_CLIENT',
      'BLOCKED_BY_CSP',
      'BLOCKED_BY_RESPONSE',
      'ACCESS_DENIED',
      'RESPONSE_HEADERS_TOO_BIG',
    ].map((code): [string, Error] => [`Electron: ${code}`, new Error(`net::ERR_${code}`)]),
  ])('%s', (_, error) => {
    expect(judge(error)).toMatchObject({ retryable: false, action: 'fix' })
    expect(judge(error).unsent).toBeUndefined()
  })

  it.each([
    'CONNECTION_RESET',
    'CONNECTION_CLOSED',
    'NETWORK_CHANGED',
    'HTTP2_PROTOCOL_ERROR',
    'INTERNET_DISCONNECTED',
  ])('not so: net::ERR_%s', (code) => {
    expect(judge(new Error(`net::ERR_${code}`))).toMatchObject({ kind: 'network', retryable: true })
  })
})

describe('codes come before texts, and names of hosts and URLs are no texts', () => {
  const words = ['certificate', 'redirect', 'timeout', 'integrity', 'cors', 'invalid-url', 'self-signed', 'data-url']

  it.each(words.flatMap((word) => [`${word}.example.com`, `${word}.test`]))('%s', (host) => {
    const errors: unknown[] = [
      fetchFailed(system('getaddrinfo', 'EAI_AGAIN', { hostname: host, message: `getaddrinfo EAI_AGAIN ${host}` })),
      new TypeError(`Failed to fetch (${host})`),
      new TypeError(`Failed to fetch https://${host}/${host}`),
      new TypeError(
        `error sending request for url (wss://${host}/a(${host})b): client error (Connect): tcp connect error`,
      ),
      fetchFailed(new Error(`could not connect to ${host}:443`)),
    ]
    for (const error of errors) {
      expect(classifyError(error, { request: { url: `https://${host}/` } })).toMatchObject({
        kind: 'network',
        retryable: true,
      })
    }
  })

  it('a host of one word, in what Chrome says', () => {
    expect(classifyError(new TypeError('Failed to fetch (redirect)'))).toMatchObject({ retryable: true })
  })

  it('a code, whatever the message says', () => {
    expect(judge(fetchFailed(coded('ECONNRESET', 'the certificate was replaced')))).toMatchObject({ retryable: true })
    expect(judge(fetchFailed(coded('CERT_HAS_EXPIRED', 'socket timeout')))).toMatchObject({ retryable: false })
  })
})

describe('the same, with the real thing', () => {
  const servers: Server[] = []
  let origin: string
  let secure: string
  let nul: string
  let closed: string

  const listen = async (server: Server): Promise<number> => {
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  beforeAll(async () => {
    const gone = createServer()
    closed = `http://127.0.0.1:${await listen(gone)}`
    await once(gone.close(), 'close')
    const answers: Readonly<Record<string, readonly [number, Record<string, string>]>> = {
      '/moved': [303, { location: closed }],
      '/again': [307, { location: '/' }],
      '/credentials': [302, { location: 'http://u:p@127.0.0.1:9/' }],
      '/big': [200, { x: 'a'.repeat(40_000) }],
    }
    const http = createHttpServer((request, response) => {
      const [status, headers] = answers[request.url ?? ''] ?? [200, {}]
      response.writeHead(status, headers).end('ok')
    })
    origin = `http://127.0.0.1:${await listen(http)}`
    nul = `http://127.0.0.1:${await listen(createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n'))))}`
    secure = `https://127.0.0.1:${await listen(createServer((socket) => socket.end()))}`
  })
  afterAll(() => {
    for (const server of servers) server.close()
  })

  const judged = async (url: string, init: RequestInit = {}) => {
    const error: unknown = await fetch(url, init).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return classifyError(error, { request: { url } })
  }
  const stream = () => ({ method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' })

  it('a refused connection, and a handshake that is broken off', async () => {
    expect(await judged(closed, { method: 'POST' })).toMatchObject({ retryable: true, unsent: true })
    expect(await judged(secure, { method: 'POST' })).toMatchObject({ retryable: true, unsent: true })
  })

  it('a POST that was answered with a redirect to where nobody is', async () => {
    expect(await judged(`${origin}/moved`, { method: 'POST' })).toMatchObject({ retryable: true, unsent: false })
  })

  it('what no repetition mends', async () => {
    expect(await judged(`${origin}/again`, stream())).toMatchObject({ kind: 'network', retryable: false })
    expect(await judged(`${origin}/credentials`)).toMatchObject({ kind: 'network', retryable: false })
    expect(await judged(`${origin}/`, { integrity: 'sha256-AAAA' })).toMatchObject({
      kind: 'network',
      retryable: false,
    })
    expect(await judged(`${origin}/big`)).toMatchObject({ kind: 'network', retryable: false })
    expect(await judged(nul)).toMatchObject({ kind: 'network', retryable: false })
    expect(await judged('data:nothing')).toMatchObject({ kind: 'invalid', retryable: false })
    // Node's words for it are those of a broken connection in Firefox.
    const blob = `${URL.createObjectURL(new Blob(['x']))}?query`
    expect(await judged(blob)).toMatchObject({ kind: 'invalid', retryable: false })
  })
})
