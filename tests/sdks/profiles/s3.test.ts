import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { createMockApi } from '@aplomb/mock-api'
import { s3 } from '@aplomb/mock-api/profiles'
import { FetchHttpHandler } from '@smithy/fetch-http-handler'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged } from './ask.ts'

const KEY = { authorization: 'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-west-1/s3/aws4_request' }
const HOST = 'https://mock.s3.eu-west-1.amazonaws.com'

const send = (api: ReturnType<typeof createMockApi>, method: string, path: string, body: BodyInit | null = null) =>
  api.fetch(`${HOST}/${path}`, { method, body, headers: KEY })

describe('the profile of S3, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['reads', 'GET'],
    ['writes', 'PUT'],
  ] as const)('too many %s: a 503 that is a rate limit, and no wait', async (name, method) => {
    const api = createMockApi({ profile: s3, limits: { [name]: { limit: 1 } } })
    await send(api, method, '')
    const refused = await send(api, method, '')
    expect([refused.status, refused.headers.get('content-type')]).toEqual([503, 'application/xml'])
    expect(await judged(refused)).toMatchObject({
      kind: 'rate-limited',
      retryable: true,
      retryAfterMs: undefined,
      message: 'Please reduce your request rate.',
      requestId: expect.stringMatching(/^[\dA-F]{16}$/),
    })
    vi.advanceTimersByTime(1000)
    expect((await send(api, method, '')).status).toBe(200)
  })

  it('objects that are put, read, listed and deleted, by either address', async () => {
    const api = createMockApi({ profile: s3 })
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const put = await send(api, 'PUT', 'a%20b/c.bin', bytes)
    const got = await api.fetch('https://s3.eu-west-1.amazonaws.com/mock/a%20b/c.bin', { headers: KEY })
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(bytes)
    expect(got.headers.get('etag')).toBe(put.headers.get('etag'))
    const head = await send(api, 'HEAD', 'a%20b/c.bin')
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['256', ''])
    expect(await (await send(api, 'GET', '?list-type=2&prefix=a')).text()).toContain('<Key>a b/c.bin</Key>')
    expect((await send(api, 'DELETE', 'a%20b/c.bin')).status).toBe(204)
    expect((await send(api, 'GET', 'a%20b/c.bin')).status).toBe(404)
  })

  it.each([
    [404, HOST, KEY, 'missing', 'NoSuchKey'],
    [404, HOST.replace('mock', 'missing'), KEY, 'missing', 'NoSuchBucket'],
    [403, HOST, {}, 'forbidden', 'AccessDenied'],
    [403, HOST, { authorization: 'Credential=invalid' }, 'unauthenticated', 'InvalidAccessKeyId'],
  ])('%i', async (status, host, headers, kind, code) => {
    const refused = await createMockApi({ profile: s3 }).fetch(`${host}/a`, { headers })
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false, code }])
  })

  it.each([
    ['500', 'server-error'],
    ['503', 'overloaded'],
    ['400', 'server-error'],
    ['409', 'concurrency-limited'],
  ] as const)('%s by chance', async (status, kind) => {
    const api = createMockApi({ profile: s3, flaky: { rate: 1, kinds: [status] } })
    expect(await judged(await send(api, 'GET', 'a'))).toMatchObject({ kind, retryable: true })
  })
})

describe('the profile of S3, as its client library reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, accessKeyId = 'AKIATEST') => {
    // The handler has no place for a fetch of its own.
    vi.stubGlobal('fetch', api.fetch)
    const credentials = { accessKeyId, secretAccessKey: 'test' }
    return new S3Client({ region: 'eu-west-1', credentials, requestHandler: new FetchHttpHandler(), maxAttempts: 1 })
  }
  const object = { Bucket: 'mock', Key: 'a b/c.txt' }

  it('objects that are put, read, listed and deleted', async () => {
    const client = clientOf(createMockApi({ profile: s3 }))
    await client.send(new PutObjectCommand({ ...object, Body: 'hello', ContentType: 'text/plain' }))
    const got = await client.send(new GetObjectCommand(object))
    expect([await got.Body?.transformToString(), got.ContentType, got.ContentLength]).toEqual([
      'hello',
      'text/plain',
      5,
    ])
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: 'mock', Prefix: 'a' }))
    expect(Contents).toMatchObject([{ Key: 'a b/c.txt', Size: 5 }])
    await client.send(new DeleteObjectCommand(object))
    expect((await client.send(new ListObjectsV2Command({ Bucket: 'mock' }))).KeyCount).toBe(0)
  })

  it('its errors', async () => {
    const client = clientOf(createMockApi({ profile: s3, limits: { reads: { limit: 2 } } }))
    expect(await fault(client.send(new GetObjectCommand(object)))).toBeInstanceOf(NoSuchKey)
    expect(await fault(client.send(new HeadObjectCommand(object)))).toMatchObject({ name: 'NotFound' })
    const refused = await fault(client.send(new GetObjectCommand(object)))
    expect(refused).toBeInstanceOf(S3ServiceException)
    expect(refused).toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
    const stranger = clientOf(createMockApi({ profile: s3 }), 'AKIAinvalid')
    expect(await fault(stranger.send(new GetObjectCommand(object)))).toMatchObject({ name: 'InvalidAccessKeyId' })
  })
})
