import { SECOND } from '../units.ts'
import type { CodeRow, HeaderRow, PlanRow } from '../vendor.ts'

// Amazon Web Services, API Gateway and the Selling Partner API

export const headers: readonly HeaderRow[] = [
  // Witness: aws-lambda: 429-concurrent-invocations
  { header: 'x-amzn-errortype', means: 'reason' },
  // Requests per second
  // Witness: sp-api: 429-1
  { header: 'x-amzn-ratelimit-limit', means: 'limit', windowMs: SECOND },
]

export const codes: readonly CodeRow[] = [
  // Witness: aws-dynamodb: 400-provisioned-throughput
  {
    code: /^(?:slowdown|provisionedthroughputexceeded(?:exception)?|bandwidthlimitexceeded|limitexceededexception|priorrequestnotcomplete|transactioninprogressexception)$/,
    kind: 'rate-limited',
    on: [200, 400, 429, 503],
  },
]

export const plans: readonly PlanRow[] = [
  // Usage plans of API Gateway; elsewhere in AWS the same exception is a throttle.
  // Witness: apigw: 429-2
  {
    words: /^limit exceeded\.?$/i,
    on: [429],
    beside: ['x-amzn-requestid', 'x-amzn-errortype'],
    kind: 'quota-exhausted',
  },
]

export const rates: readonly RegExp[] = [
  // The Selling Partner API calls a throttle so.
  // Witness: sp-api: 429-1
  /^QuotaExceeded$/,
]

export const requestIds: readonly string[] = [
  // Witness: aws-lambda: 429-concurrent-invocations
  'x-amzn-requestid',
  // Witness: s3: 503-1
  'x-amz-request-id',
]

export const proxyIds: readonly string[] = [
  // Witness: aws: trace ids
  'x-amzn-trace-id',
  'x-amz-cf-id',
]

export const walls: readonly string[] = [
  // Witness: aws-waf: 405 captcha control
  'x-amzn-waf-action',
]
