import type { VerdictKind } from '@aplomb/pipeline'

/** What an error code means. */
export interface CodeRow {
  /** Over the code in lower case without any punctuation: `Too_Many.Requests` is `toomanyrequests`. */
  readonly code: RegExp
  readonly kind: VerdictKind
  /** The statuses it counts on. @default all from 400 on, and 200 for rules */
  readonly on?: readonly number[] | undefined
  /** Used for more than one sort of limit: the words of the message may tell which. */
  readonly vague?: boolean | undefined
}

/** A server that calls the caller's fault its own is not helped by a repetition. */
const REQUEST_FAULTS = [200, 400, 500, 501, 502, 503]

/** The first row that matches any code of the answer decides. */
const CODES: readonly CodeRow[] = [
  // The end customer's card, not the API account
  { code: /^card(?:error|declined)$|^paymentdeclined$/, kind: 'invalid', on: [200, 400, 402] },
  { code: /^maxcostexceeded$/, kind: 'invalid' },

  { code: /concurrent(?:modification|update|edit|write)/, kind: 'conflict' },
  {
    code: /concurren|simultaneous|inflight|locktimeout|toomanywriteoperations|sssrequestlimitexceeded|operationblockedtemporary|unabletolockrow|lockwaittimeout|idempotency(?:key)?(?:inuse|inprogress)/,
    kind: 'concurrency-limited',
  },
  // Twilio (all requests, one phone number), ZenRows
  { code: /^(?:20429|60212|auth006)$/, kind: 'concurrency-limited' },
  {
    code: /^(?:resource|entity|object)?locked(?:error|exception)?$|^resourceislocked$/,
    kind: 'concurrency-limited',
    on: [409, 423, 429],
  },

  {
    code: /billing(?:error|hardlimit|notactive|issue)|paymentrequired|accountarrear|insufficient(?:funds|balance|credits?)|notenoughcredits?|outofcredit$/,
    kind: 'billing',
  },
  {
    code: /insufficientquota|(?:exceeded|over)currentquota|quotaexhausted|daily(?:api)?(?:request)?(?:limit|quota)|overdailylimit|monthly(?:limit|quota|usage)|perday|permonth|freetierdaily|usage(?:cap|limitreached|limitexceeded|exceeded)|spendlimit|billinglimitexceeded|outof(?:usage)?credits|(?<!complexity)budget(?:limit)?(?:exceeded|exhausted|reached)|credits?(?:exhausted|limitexceeded|limitreached)|quotaviolation|client10100/,
    kind: 'quota-exhausted',
  },
  // HubSpot's policy, Xero's problem, ZenRows
  { code: /^(?:daily|day|daylimit|auth004)$/, kind: 'quota-exhausted' },
  { code: /^quotaexceeded$/, kind: 'quota-exhausted', on: [200, 400, 401, 402, 403] },

  {
    code: /overload|capacity(?:exhausted|exceeded)|sharedcapacity|sharedpool|systembusy|serverbusy|globalratelimitexceeded|temporaryreducedcapacity|apitemporarilyblocked/,
    kind: 'overloaded',
  },

  // Google: the code of every limit; its text always says quota
  { code: /^resourceexhausted$/, kind: 'rate-limited', vague: true },
  {
    code: /perminute|persecond|secondly|^minute$|^appminute$|overqps|^qps|burst|ramplimit|^auth008$/,
    kind: 'rate-limited',
  },
  { code: /^(?:global|endpoint)rate$|^resourcespecific$|abnormalusagedetected/, kind: 'rate-limited' },
  // Meta: application, user, page, custom and business use case limits
  { code: /^meta(?:4|17|32|341|613|800\d\d)$/, kind: 'rate-limited', on: [400, 403] },
  { code: /^overquerylimit$|^complexity(?:budgetexhausted|exception)$|^exceededfreqlimit$/, kind: 'rate-limited' },
  {
    code: /ratelimit|ratelimited|throttl|toomanyrequests|requestlimitexceeded|overrate|secondaryrate/,
    kind: 'rate-limited',
    vague: true,
  },
  {
    code: /^(?:slowdown|provisionedthroughputexceeded(?:exception)?|bandwidthlimitexceeded|limitexceededexception|priorrequestnotcomplete|transactioninprogressexception)$/,
    kind: 'rate-limited',
    on: [200, 400, 429, 503],
  },
  { code: /^quotaexceeded$|^limitexceeded$|^spikearrest/, kind: 'rate-limited', on: [429], vague: true },

  {
    code: /apikey(?:not|in)?valid|invalidapikey|^(?:invalid|expired|revoked)(?:auth|token|accesstoken|session\w*|credentials)$|^(?:auth)?token(?:invalid|expired|revoked)\w*$|authenticationerror|^unauthenticated$|^notauthed$|^meta190$|^requestdenied$|expiredtokenexception|unrecognizedclient|invalidsignature|^signaturedoesnotmatch$|^invalidaccesskeyid$/,
    kind: 'unauthenticated',
    // AWS refuses credentials with 403.
    on: [...REQUEST_FAULTS, 403],
  },
  { code: /accessdenied|^autherror$|^forbidden$|permissiondenied|missingscope/, kind: 'forbidden', on: REQUEST_FAULTS },
  { code: /resourcenotfound/, kind: 'missing', on: REQUEST_FAULTS },
  { code: /^notfound(?:error)?$/, kind: 'missing', on: [500] },
  { code: /^invalidrequest(?:error)?$|^badrequest$/, kind: 'invalid', on: [500, 501] },
  // AWS, Zendesk, Plaid: for now, whatever the status says
  {
    code: /^(?:requesttimeout(?:exception)?|idpcommunicationerror(?:exception)?|internal(?:error|failure|servererror)|serviceunavailable|temporarilyunavailable|databaseconflict|productnotready)$/,
    kind: 'server-error',
    on: [400, 403, 409, 422, 424],
  },
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
export const rowFor = (codes: readonly string[], status: number): { row: CodeRow; code: string } | undefined => {
  const plain = codes.map((code) => [code, plainCode(code)] as const)
  for (const row of CODES) {
    if (row.on && !row.on.includes(status)) continue
    const hit = plain.find(([, code]) => row.code.test(code))
    if (hit) return { row, code: hit[0] }
  }
  return undefined
}
