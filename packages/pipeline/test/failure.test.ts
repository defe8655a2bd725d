import { describe, expect, it } from 'vitest'
import { verdictOfError } from '../src/index.ts'

const failure = (message: string, cause?: unknown, name = 'TypeError'): Error =>
  Object.defineProperty(new Error(message, { cause }), 'name', { value: name })
const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })
const fetchFailed = (cause?: unknown): Error => failure('fetch failed', cause)
const request = { url: 'https://api.test/x' }
const open = new AbortController().signal

describe('an error of transport may be tried again', () => {
  it.each<[string, unknown]>([
    ...[
      'ECONNREFUSED',
      'ECONNRESET',
      'EAI_AGAIN',
      'EPIPE',
      'EHOSTUNREACH',
      'UND_ERR_SOCKET',
      'HPE_INVALID_CONSTANT',
    ].map((code): [string, unknown] => [`Node: ${code}`, fetchFailed(coded(code))]),
    ['Node: every address', fetchFailed(new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]))],
    ['Node: no cause', fetchFailed()],
    ['Node: a body', failure('terminated', new Error('other side closed'))],
    ['Chromium', failure('Failed to fetch')],
    ['Electron', failure('net::ERR_CONNECTION_CLOSED', undefined, 'Error')],
    ['Electron', failure('net::ERR_HTTP2_PROTOCOL_ERROR', undefined, 'Error')],
    ['Firefox', failure('NetworkError when attempting to fetch resource.')],
    ['Safari', failure('Load failed')],
    ['Safari', failure('The network connection was lost.')],
    ['Bun', failure('Unable to connect. Is the computer able to access the url?', undefined, 'Error')],
    ['Deno', failure('error sending request for url (http://x/redirect?certificate=1): tcp connect error')],
    ['Workers', failure('Network connection lost.', undefined, 'Error')],
    ['React Native', failure('Network request failed')],
    ['a host with any words', fetchFailed(new Error('connect ECONNREFUSED certificate.invalid-url.example.com:443'))],
  ])('%s: %s', (_, error) => {
    expect(verdictOfError(error)).toMatchObject({ kind: 'network', action: 'retry', retryable: true, refused: false })
  })

  it.each<[string, unknown]>([
    ['Node', fetchFailed(coded('UND_ERR_HEADERS_TIMEOUT'))],
    ['Node', fetchFailed(coded('ETIMEDOUT'))],
    ['Node', fetchFailed(coded('ERR_TLS_HANDSHAKE_TIMEOUT'))],
    ['Safari', failure('The request timed out.')],
    ['a limit of somebody’s', new DOMException('late', 'TimeoutError')],
  ])('a time limit, %s: %s', (_, error) => {
    expect(verdictOfError(error, { signal: open })).toMatchObject({ kind: 'timeout', action: 'retry', retryable: true })
  })
})

describe('what no repetition can mend is not', () => {
  it.each<[string, unknown]>([
    ['network', fetchFailed(coded('CERT_HAS_EXPIRED'))],
    ['network', fetchFailed(coded('DEPTH_ZERO_SELF_SIGNED_CERT'))],
    ['network', fetchFailed(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))],
    ['network', fetchFailed(coded('ERR_TLS_CERT_ALTNAME_INVALID'))],
    ['network', fetchFailed(coded('ERR_SSL_WRONG_VERSION_NUMBER'))],
    ['network', fetchFailed(coded('UND_ERR_CLOSED'))],
    ['network', fetchFailed(new Error('redirect count exceeded'))],
    ['network', fetchFailed(new Error('cors failure'))],
    ['network', fetchFailed(new Error('integrity mismatch'))],
    ['network', failure('net::ERR_TOO_MANY_REDIRECTS')],
    ['network', failure('net::ERR_BLOCKED_BY_CLIENT')],
    ['network', fetchFailed(new Error(''))],
    ['invalid', fetchFailed(Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }))],
    ['invalid', fetchFailed(new Error('unknown scheme'))],
    ['invalid', fetchFailed(new Error('bad port'))],
    ['invalid', failure('Body is unusable: Body has already been read')],
    ['invalid', failure('Failed to parse URL from x')],
    ['invalid', new TypeError('x is undefined')],
    ['unknown', new Error('a bug')],
    ['unknown', 'text'],
    ['unknown', null],
    ['unknown', undefined],
  ])('%s: %s', (kind, error) => {
    expect(verdictOfError(error)).toMatchObject({ kind, retryable: false })
  })
})

describe('whether the caller gave up is asked of the signal', () => {
  it('and not of the error', () => {
    const signal = AbortSignal.abort()
    for (const error of [fetchFailed(coded('ECONNRESET')), new DOMException('late', 'TimeoutError'), null])
      expect(verdictOfError(error, { signal })).toMatchObject({ kind: 'aborted', action: 'stop', retryable: false })
    const abort = new DOMException('off', 'AbortError')
    expect(verdictOfError(abort, { signal: open })).toMatchObject({ kind: 'timeout', retryable: true })
    expect(verdictOfError(abort).kind).toBe('aborted')
  })
})

describe('nothing was sent', () => {
  const connect = { syscall: 'connect' }

  it.each<[string, unknown]>([
    ['refused', fetchFailed(coded('ECONNREFUSED', connect))],
    ['not connected in time', fetchFailed(coded('ETIMEDOUT', connect))],
    ['not found', fetchFailed(coded('ENOTFOUND', { syscall: 'getaddrinfo', hostname: 'api.test' }))],
    ['Bun', coded('ConnectionRefused')],
    ['the server that was asked', fetchFailed(coded('ECONNREFUSED', { ...connect, port: 443 }))],
    [
      'undici',
      fetchFailed(
        Object.assign(coded('UND_ERR_CONNECT_TIMEOUT'), {
          message: 'Connect Timeout Error (attempted address: api.test:443, timeout: 10000ms)',
        }),
      ),
    ],
    ['every address', fetchFailed(new AggregateError([coded('ECONNREFUSED', connect), coded('ENETUNREACH', connect)]))],
  ])('%s', (_, error) => {
    expect(verdictOfError(error, { request })).toMatchObject({ retryable: true, unsent: true })
  })

  it.each<[string, unknown]>([
    ['a connection that broke', fetchFailed(coded('ECONNRESET', { syscall: 'read' }))],
    ['no answer in time', fetchFailed(coded('UND_ERR_HEADERS_TIMEOUT'))],
    ['a browser, which does not say', failure('Failed to fetch')],
    ['another port, after a redirect', fetchFailed(coded('ECONNREFUSED', { ...connect, port: 8443 }))],
    ['another host', fetchFailed(coded('ENOTFOUND', { syscall: 'getaddrinfo', hostname: 'other.test' }))],
    [
      'another host, in time',
      fetchFailed(
        Object.assign(coded('UND_ERR_CONNECT_TIMEOUT'), { message: 'Timeout (attempted address: other.test:443, 1)' }),
      ),
    ],
    ['one of two addresses', fetchFailed(new AggregateError([coded('ECONNREFUSED', connect), coded('ECONNRESET')]))],
  ])('not so %s', (_, error) => {
    expect(verdictOfError(error, { request })).toMatchObject({ retryable: true, unsent: false })
  })

  it('a host that is not found is asked for once more', () => {
    const error = fetchFailed(coded('ENOTFOUND', { syscall: 'getaddrinfo' }))
    expect(verdictOfError(error, { request })).toMatchObject({ retryable: true, unsent: true, tentative: true })
    expect(verdictOfError(fetchFailed(coded('EAI_AGAIN')), { request }).tentative).toBe(false)
  })
})

describe('whatever was thrown, nothing throws', () => {
  it('a hostile one, and a circle of causes', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    )
    expect(verdictOfError(hostile).kind).toBe('unknown')
    const circle = fetchFailed()
    circle.cause = circle
    expect(verdictOfError(circle, { request })).toMatchObject({ kind: 'network', unsent: false })
  })
})
