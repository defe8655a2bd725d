import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classifyError } from '../src/index.ts'

const failure = (message: string, cause?: object, name = 'TypeError'): Error => {
  const error = Object.assign(new Error(message), cause && { cause })
  error.name = name
  return error
}
const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code })

describe('a connection that failed is `network`, in every runtime’s words, and may be tried again', () => {
  it.each<[string, unknown]>([
    ...[
      'ECONNREFUSED',
      'ECONNRESET',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EPIPE',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'UND_ERR_SOCKET',
      'HPE_INVALID_CONSTANT',
    ].map((code): [string, unknown] => [`Node: ${code}`, failure('fetch failed', coded(code))]),
    [
      'Node: every address',
      failure('fetch failed', Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' })),
    ],
    ['Node: no cause', failure('fetch failed')],
    [
      'Node: no HTTP',
      failure(
        'fetch failed',
        new Error('Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/)'),
      ),
    ],
    ['Node: body', failure('terminated', coded('UND_ERR_SOCKET', 'other side closed'))],
    ['Chrome', failure('Failed to fetch')],
    ['Firefox', failure('NetworkError when attempting to fetch resource.')],
    ['Safari', failure('Load failed')],
    ['Safari', failure('The network connection was lost.')],
    ['Safari', failure('The Internet connection appears to be offline.')],
    ['Safari', failure('A server with the specified hostname could not be found.')],
    [
      'Bun',
      Object.assign(failure('Unable to connect. Is the computer able to access the url?', undefined, 'Error'), {
        code: 'ConnectionRefused',
      }),
    ],
    [
      'Bun',
      Object.assign(failure('The socket connection was closed unexpectedly.', undefined, 'Error'), {
        code: 'ECONNRESET',
      }),
    ],
    [
      'Deno',
      failure(
        'error sending request for url (http://127.0.0.1:1/): client error (Connect): tcp connect error: Connection refused (os error 111)',
      ),
    ],
    [
      'Deno',
      failure(
        'error sending request for url (https://x.invalid/): client error (Connect): dns error: failed to lookup address information',
      ),
    ],
    [
      'Deno, a URL with any words',
      failure('error sending request for url (http://x/redirect?certificate=invalid url): connection refused'),
    ],
    ['Workers', failure('Network connection lost.', undefined, 'Error')],
    ['Workers', failure('internal error; reference = abc', undefined, 'Error')],
    ['React Native', failure('Network request failed')],
    [
      'node-fetch',
      Object.assign(failure('request to http://x/ failed, reason: connect ECONNREFUSED', undefined, 'FetchError'), {
        code: 'ECONNREFUSED',
      }),
    ],
  ])('%s: %#', (_, error) => {
    expect(classifyError(error)).toMatchObject({ kind: 'network', action: 'retry', retryable: true, refused: false })
  })
})

describe('a time limit that is not the caller’s is `timeout`', () => {
  it.each<[string, unknown]>([
    ['Node: connect', failure('fetch failed', coded('UND_ERR_CONNECT_TIMEOUT'))],
    ['Node: headers', failure('fetch failed', coded('UND_ERR_HEADERS_TIMEOUT'))],
    ['Node: socket', failure('fetch failed', coded('ETIMEDOUT'))],
    ['Safari', failure('The request timed out.')],
    ['AbortSignal.timeout', new DOMException('The operation was aborted due to timeout', 'TimeoutError')],
  ])('%s', (_, error) => {
    expect(classifyError(error, { signal: new AbortController().signal })).toMatchObject({
      kind: 'timeout',
      retryable: true,
    })
  })
})

describe('whether the caller gave up is asked of the signal, not of the error', () => {
  const aborted = AbortSignal.abort(null)
  const open = new AbortController().signal

  it.each<[string, unknown]>([
    ['a network failure', failure('fetch failed', coded('ECONNRESET'))],
    ['a time-out', new DOMException('late', 'TimeoutError')],
    ['an error of the caller’s own', new RangeError('mine')],
    ['null', null],
    ['undefined', undefined],
  ])('aborted: %s', (_, error) => {
    expect(classifyError(error, { signal: aborted })).toMatchObject({
      kind: 'aborted',
      action: 'stop',
      retryable: false,
    })
  })

  it('an AbortError although the signal is open is somebody else’s time limit', () => {
    const error = new DOMException('This operation was aborted', 'AbortError')
    expect(classifyError(error, { signal: open })).toMatchObject({ kind: 'timeout', retryable: true })
    expect(classifyError(error)).toMatchObject({ kind: 'aborted', retryable: false })
  })
})

describe('what no repetition can mend is not retryable', () => {
  it.each<[string, unknown, string]>([
    [
      'Node: certificate',
      failure('fetch failed', coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate')),
      'network',
    ],
    ['Node: expired', failure('fetch failed', coded('CERT_HAS_EXPIRED')), 'network'],
    ['Node: name', failure('fetch failed', coded('ERR_TLS_CERT_ALTNAME_INVALID')), 'network'],
    ['Node: chain', failure('fetch failed', coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE')), 'network'],
    ['Node: not TLS', failure('fetch failed', coded('ERR_SSL_WRONG_VERSION_NUMBER')), 'network'],
    ['Node: loop', failure('fetch failed', new Error('redirect count exceeded')), 'network'],
    ['Node: redirect: error', failure('fetch failed', new Error('unexpected redirect')), 'network'],
    ['Node: scheme', failure('fetch failed', new Error('unknown scheme')), 'invalid'],
    ['Node: port', failure('fetch failed', new Error('bad port')), 'invalid'],
    [
      'Deno: certificate',
      failure(
        'error sending request for url (https://x/): client error (Connect): invalid peer certificate: UnknownIssuer',
      ),
      'network',
    ],
    ['Deno: loop', failure('Maximum number of redirects (20) reached'), 'network'],
    [
      'Bun: loop',
      Object.assign(failure('The response redirected too many times.', undefined, 'Error'), {
        code: 'TooManyRedirects',
      }),
      'network',
    ],
    ['Chrome: URL', failure("Failed to execute 'fetch' on 'Window': Failed to parse URL from x"), 'invalid'],
    ['a body used twice', failure('Body is unusable: Body has already been read'), 'invalid'],
    ['a bug', new TypeError("Cannot read properties of undefined (reading 'x')"), 'invalid'],
    ['a full queue', failure('the queue is full', undefined, 'QueueFullError'), 'unknown'],
    ['a string', 'nope', 'unknown'],
    ['null', null, 'unknown'],
    ['a symbol', Symbol('x'), 'unknown'],
    ['a function', () => undefined, 'unknown'],
  ])('%s', (_, error, kind) => {
    expect(classifyError(error)).toMatchObject({ kind, retryable: false })
  })

  it('neither are errors that cause themselves, or are huge', () => {
    const loop = new Error('loop')
    loop.cause = loop
    expect(classifyError(loop)).toMatchObject({ kind: 'unknown' })
    const start = performance.now()
    for (const text of ['invalid '.repeat(20_000), 'a'.repeat(1e6), 'network '.repeat(20_000)])
      classifyError(failure(text))
    expect(performance.now() - start).toBeLessThan(500)
  })

  it('an error whose members throw is unknown', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    )
    expect(classifyError(hostile)).toMatchObject({ kind: 'unknown', retryable: false })
  })
})

describe('the same, with the real thing', () => {
  let server: Server
  let origin: string
  let closed: string

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/torn') request.socket.destroy()
      else response.writeHead(302, { location: '/' }).end()
    })
    // A port that was free a moment ago.
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    closed = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`
    await once(gone.close(), 'close')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    )

  it.each<[string, () => Promise<unknown>, string, boolean]>([
    ['a closed port', () => fetch('http://127.0.0.1:1/'), 'invalid', false],
    ['nobody there', () => fetch('http://127.0.0.1:9/'), 'invalid', false],
    ['a refused connection', () => fetch(closed), 'network', true],
    ['a torn connection', () => fetch(`${origin}/torn`), 'network', true],
    ['a redirect loop', () => fetch(`${origin}/`), 'network', false],
    ['redirect: error', () => fetch(`${origin}/`, { redirect: 'error' }), 'network', false],
    ['a bad URL', () => fetch('http://'), 'invalid', false],
    ['an unknown scheme', () => fetch('gopher://example.com/'), 'invalid', false],
    ['a bad header', () => fetch(origin, { headers: { 'x y': '1' } }), 'invalid', false],
    ['a bad header value', () => fetch(origin, { headers: { x: 'a\nb' } }), 'invalid', false],
    ['a bad method', () => fetch(origin, { method: 'a b' }), 'invalid', false],
    ['a body with GET', () => fetch(origin, { body: 'x' }), 'invalid', false],
  ])('%s', async (_, send, kind, retryable) => {
    expect(classifyError(await rejection(send()))).toMatchObject({ kind, retryable })
  })

  it('an abort', async () => {
    const signal = AbortSignal.abort()
    expect(classifyError(await rejection(fetch(origin, { signal })), { signal })).toMatchObject({ kind: 'aborted' })
  })
})
