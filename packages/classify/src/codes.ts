import type { CodeRow } from '@aplomb/limits'
import { codes as ofVendors, rates } from '@aplomb/limits/vendors'

/** A server that calls the caller's fault its own is not helped by a repetition. */
const REQUEST_FAULTS = [200, 400, 500, 501, 502, 503]

/** The first row that matches any code of the answer decides. */
export const CODES: readonly CodeRow[] = [
  // The end customer's card, not the API account
  // Witness: stripe: 402-card-declined-is-not-billing
  { code: /^card(?:error|declined)$|^paymentdeclined$/, kind: 'invalid', on: [200, 400, 402] },

  // Witness: aws: 409 concurrent modification
  { code: /concurrent(?:modification|update|edit|write)/, kind: 'conflict' },
  // Witness: elevenlabs: 429-too-many-concurrent
  {
    code: /concurren|simultaneous|inflight|locktimeout|toomanywriteoperations|sssrequestlimitexceeded|operationblockedtemporary|unabletolockrow|lockwaittimeout|idempotency(?:key)?(?:inuse|inprogress)/,
    kind: 'concurrency-limited',
  },
  // Witness: monday: 423-1
  {
    code: /^(?:resource|entity|object)?locked(?:error|exception)?$|^resourceislocked$/,
    kind: 'concurrency-limited',
    on: [409, 423, 429],
  },

  // Witness: deepgram: 402-payment-required
  {
    code: /billing(?:error|hardlimit|notactive|issue)|paymentrequired|accountarrear|insufficient(?:funds|balance|credits?)|notenoughcredits?|outofcredit$/,
    kind: 'billing',
  },
  // Witness: openai: 429-insufficient-quota
  {
    code: /insufficientquota|(?:exceeded|over)currentquota|quotaexhausted|daily(?:api)?(?:request)?(?:limit|quota)|overdailylimit|monthly(?:limit|quota|usage)|perday|permonth|freetierdaily|usage(?:cap|limitreached|limitexceeded|exceeded)|spendlimit|billinglimitexceeded|outof(?:usage)?credits|(?<!complexity)budget(?:limit)?(?:exceeded|exhausted|reached)|credits?(?:exhausted|limitexceeded|limitreached)|quotaviolation|client10100/,
    kind: 'quota-exhausted',
  },
  // HubSpot's policy, Xero's problem
  // Witness: hubspot: 429-2
  { code: /^(?:daily|day|daylimit)$/, kind: 'quota-exhausted' },
  // Witness: youtube: 403 quotaExceeded control
  { code: /^quotaexceeded$/, kind: 'quota-exhausted', on: [200, 400, 401, 402, 403] },

  // Witness: elevenlabs: 429-system-busy
  {
    code: /overload|capacity(?:exhausted|exceeded)|sharedcapacity|sharedpool|systembusy|serverbusy|globalratelimitexceeded|temporaryreducedcapacity|apitemporarilyblocked/,
    kind: 'overloaded',
  },

  ...ofVendors,

  // Witness: anthropic: 429-ramp-limit
  {
    code: /perminute|persecond|secondly|^minute$|^appminute$|overqps|^qps|burst|ramplimit|abnormalusagedetected/,
    kind: 'rate-limited',
  },
  // Witness: deepgram: 429-project-concurrency
  {
    code: /ratelimit|ratelimited|throttl|toomanyrequests|requestlimitexceeded|overrate|secondaryrate/,
    kind: 'rate-limited',
    vague: true,
  },
  // Witness: ietf-draft-10: 429-http-date-and-problem
  { code: /^quotaexceeded$|^limitexceeded$|^spikearrest/, kind: 'rate-limited', on: [429], vague: true },

  // Witness: google-maps: 200-request-denied
  {
    code: /apikey(?:not|in)?valid|invalidapikey|^(?:invalid|expired|revoked)(?:auth|token|accesstoken|session\w*|credentials)$|^(?:auth)?token(?:invalid|expired|revoked)\w*$|authenticationerror|^unauthenticated$|^notauthed$|^meta190$|^requestdenied$|expiredtokenexception|unrecognizedclient|invalidsignature|^signaturedoesnotmatch$|^invalidaccesskeyid$/,
    kind: 'unauthenticated',
    // AWS refuses credentials with 403.
    on: [...REQUEST_FAULTS, 403],
  },
  // Witness: fluxrouter: 500-auth_error
  { code: /accessdenied|^autherror$|^forbidden$|permissiondenied|missingscope/, kind: 'forbidden', on: REQUEST_FAULTS },
  // Witness: aws: 400 resource not found
  { code: /resourcenotfound/, kind: 'missing', on: REQUEST_FAULTS },
  // Witness: gateway: 500 not found
  { code: /^notfound(?:error)?$/, kind: 'missing', on: [500] },
  // Witness: gateway: 500 invalid request
  { code: /^invalidrequest(?:error)?$|^badrequest$/, kind: 'invalid', on: [500, 501] },
  // AWS, Zendesk, Plaid: for now, whatever the status says
  // Witness: plaid: 400 PRODUCT_NOT_READY
  {
    code: /^(?:requesttimeout(?:exception)?|idpcommunicationerror(?:exception)?|internal(?:error|failure|servererror)|serviceunavailable|temporarilyunavailable|databaseconflict|productnotready)$/,
    kind: 'server-error',
    on: [400, 403, 409, 422, 424],
  },
  // Witness: notion: 400-validation
  { code: /(?<!in)validat|unprocessable/, kind: 'unprocessable', on: REQUEST_FAULTS },
]

/** A code without case and punctuation. What precedes a `#` is a namespace, what follows a `:` in AWS's header a URL. */
const plainCode = (code: string): string =>
  code
    .replace(/^[\w.]+#/, '')
    .replace(/:https?:.*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')

/** The most telling row for these codes on an answer with this status, with the code it matched. */
export const rowFor = (
  codes: readonly string[],
  status: number,
  rows: readonly CodeRow[] = CODES,
): { row: CodeRow; code: string } | undefined => {
  const plain = codes.map((code) => [code, plainCode(code)] as const)
  for (const row of rows) {
    if (row.on && !row.on.includes(status)) continue
    if (row.beside && !plain.some(([, code]) => row.beside!.test(code))) continue
    const hit = plain.find(([, code]) => row.code.test(code))
    if (hit) return { row, code: hit[0] }
  }
  return undefined
}

const RATES: readonly RegExp[] = [...rates, /throttl|rate_?limit_?exceeded/i]

/** Whether a code, as it was sent, names a rate: also where the words speak of a quota. */
export const namesRate = (codes: readonly string[]): boolean =>
  codes.some((code) => RATES.some((pattern) => pattern.test(code)))
