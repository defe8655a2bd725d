// Amazon S3: docs.aws.amazon.com, "Error responses", "Best practices design patterns: optimizing Amazon S3 performance",
// as in November 2026.
// Both styles of addresses; of checksums and signatures nothing is checked.
import { hash } from '../random.ts'
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { isMissing, keyFault, seconds } from './values.ts'

type Limit = 'reads' | 'writes'

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
}

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n'

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** `mock.s3.eu-west-1.amazonaws.com/a/b` and `s3.eu-west-1.amazonaws.com/mock/a/b` are the same. */
const placeOf = ({ url }: Pick<Call, 'url'>): { readonly bucket: string; readonly key: string } => {
  const path = decodeURIComponent(url.pathname).slice(1)
  const host = /^(.+)\.s3[.-][\w.-]*amazonaws\.com$/.exec(url.hostname)?.[1]
  if (host !== undefined) return { bucket: host, key: path }
  const slash = path.indexOf('/')
  return slash < 0 ? { bucket: path, key: '' } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) }
}

const error = (call: Call<Limit>, status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `${XML}<Error><Code>${code}</Code><Message>${escaped(message)}</Message><Resource>${escaped(call.url.pathname)}</Resource><RequestId>${requestId(call)}</RequestId><HostId>${call.id}</HostId></Error>`,
})

const requestId = ({ id }: Call<Limit>): string => id.slice(0, 16).toUpperCase()

const nameOf = ({ bucket, key }: ReturnType<typeof placeOf>): string => `object ${bucket}/${key}`

const LAST_MODIFIED = new Date(Date.UTC(2026, 0, 1))

const etagOf = ({ bytes }: Stored): string => `"${hash(bytes).toString(16).padStart(32, '0')}"`

const list = (call: Call<Limit>): Reply => {
  const { bucket } = placeOf(call)
  const prefix = call.url.searchParams.get('prefix') ?? ''
  const start = `object ${bucket}/`
  const keys = [...call.memory.keys()].filter((name) => name.startsWith(start + prefix)).toSorted()
  const contents = keys.map((name) => {
    const stored = call.memory.get(name) as Stored
    return `<Contents><Key>${escaped(name.slice(start.length))}</Key><LastModified>${LAST_MODIFIED.toISOString()}</LastModified><ETag>${etagOf(stored)}</ETag><Size>${stored.bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  })
  return {
    headers: { 'content-type': 'application/xml' },
    body: `${XML}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${escaped(bucket)}</Name><Prefix>${escaped(prefix)}</Prefix><KeyCount>${keys.length}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`,
  }
}

const read: Handler<Limit> = (call) => {
  const place = placeOf(call)
  if (place.key === '') return list(call)
  const stored = call.memory.get(nameOf(place)) as Stored | undefined
  if (stored === undefined) return error(call, 404, 'NoSuchKey', 'The specified key does not exist.')
  return {
    headers: {
      'content-type': stored.type,
      'content-length': String(stored.bytes.length),
      etag: etagOf(stored),
      'last-modified': LAST_MODIFIED.toUTCString(),
    },
    body: stored.bytes,
  }
}

const write: Handler<Limit> = (call) => {
  const stored: Stored = { bytes: call.bytes, type: call.headers.get('content-type') ?? 'binary/octet-stream' }
  call.memory.set(nameOf(placeOf(call)), stored)
  return { headers: { etag: etagOf(stored) } }
}

const remove: Handler<Limit> = (call) => {
  call.memory.delete(nameOf(placeOf(call)))
  return { status: 204 }
}

const inBucket =
  (answer: Handler<Limit>): Handler<Limit> =>
  (call, params) =>
    isMissing(placeOf(call).bucket)
      ? error(call, 404, 'NoSuchBucket', 'The specified bucket does not exist')
      : answer(call, params)

const FAILURES: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: [
    'RequestTimeout',
    'Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.',
  ],
  403: ['AccessDenied', 'Access Denied'],
  409: [
    'OperationAborted',
    'A conflicting conditional operation is currently in progress against this resource. Try again.',
  ],
  500: ['InternalError', 'We encountered an internal error. Please try again.'],
  503: ['ServiceUnavailable', 'Service is unable to handle request.'],
}

const problems: Problems<Limit> = {
  // No word of a wait.
  window: (_, call) => error(call, 503, 'SlowDown', 'Please reduce your request rate.'),
  route: (_, call) =>
    error(call, 405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.'),
  failure({ status, waitMs }, call) {
    const [code, message] = FAILURES[status] ?? ['InvalidRequest', 'The request was refused.']
    const reply = error(call, status, code, message)
    return waitMs === undefined ? reply : { ...reply, headers: { ...reply.headers, 'retry-after': seconds(waitMs) } }
  },
}

export const s3: Profile<Limit> = {
  name: 's3',
  limits: {
    /** Of a prefix; here, of all. */
    reads: { kind: 'bucket', limit: 5500, windowMs: 1000 },
    writes: { kind: 'bucket', limit: 3500, windowMs: 1000 },
  },
  routes: {
    'GET /*': inBucket(read),
    'PUT /*': inBucket(write),
    'DELETE /*': inBucket(remove),
  },
  weigh: ({ method }) => (method === 'GET' || method === 'HEAD' ? { reads: 1 } : { writes: 1 }),
  admit(call) {
    const fault = keyFault(call.headers.get('authorization') ?? call.url.searchParams.get('X-Amz-Credential'))
    if (fault === undefined) return undefined
    return fault === 'absent'
      ? error(call, 403, 'AccessDenied', 'Access Denied')
      : error(call, 403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.')
  },
  headers: (_, call) => ({ 'x-amz-request-id': requestId(call), 'x-amz-id-2': call.id, server: 'AmazonS3' }),
  problems,
}
