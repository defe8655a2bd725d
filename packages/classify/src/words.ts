import { DAY, HOUR, type WordRow } from '@aplomb/limits'
import { words as ofVendors } from '@aplomb/limits/vendors'
import { periodsIn } from './periods.ts'

/** Those that speak of limits or money by themselves, or may. */
const REFUSALS = [200, 400, 401, 402, 403, 422, 429]

const LIMITED = /limit|exceed|too many|maximum|\bmax\b|reached|allowed|throttl/i
/** Asked to send the same once more: "Please try again.", "Retry later". Not "correct it and try again". */
const INVITATION =
  /(?:^|[.!;:,]\s*|\b(?:please|or|can|could|should)\s+)(?:try(?: (?:your|the|this) request| it)? again|retry(?: (?:your|the|this) request)?)(?=\s*[.!]?\s*$|[.!]\s|,? (?:later|shortly|soon|in an?)\b)|\btry(?: \w+){0,3} again (?:later|shortly|soon)\b|\bretry (?:later|shortly|soon)\b/im
/** What is said of a rate. */
const RATE =
  /rate[- ]?limit|too many (?:requests|calls|queries|visits)|throttl\w*|over (?:qps|rate)|queries per second|(?:request|call) frequency|frequency limit|too frequent|(?:request|call)s? limit (?:has been |was |is )?(?:exceeded|reached)|abuse detection|\brate exceeded|reduce your request rate|please slow down/i

/** The first row whose words are found decides. */
export const WORDS: readonly WordRow[] = [
  // Witness: shop: 409 concurrent update
  { words: /\bconcurrent (?:modification|update|edit|write)/i, kind: 'conflict', on: [409] },
  // The pattern of the catalogue: real wordings of two dozen APIs
  // Witness: apifreaks: 429-concurrency-docs-message
  {
    words:
      /concurren\w*|simultaneous|\bin[- ]?flight\b|\bparallel (?:requests|calls|jobs|connections|sessions|streams|threads)|too many (?:open |active )?connections|\bat (?:once|the same time)\b|\bthreads?\b|lock[_ ]timeout|\bis (?:still )?outstanding|each request to return|currently accessing|exclusive access|another (?:request|query|operation)\b[^.]{0,40}\b(?:running|in progress)/i,
    kind: 'concurrency-limited',
    on: [409, 423, 429, 503],
  },
  // Witness: sap: 403 one at a time
  { words: /each request to return/i, kind: 'concurrency-limited', on: [200, 403] },
  // Witness: salesforce: 403-concurrent
  {
    words: /concurren\w*|simultaneous|at (?:once|the same time)/i,
    with: LIMITED,
    // The size of one request
    without: /\b\d+ (?:items|records|rows|entries|elements|objects|files|ids)\b/i,
    kind: 'concurrency-limited',
    on: [200, 400, 403],
  },
  // Witness: stripe: 409-idempotency_key_in_use
  {
    words:
      /\block(?:ed|s)?\b|\b(?:already |still |currently )(?:in progress|processing|running)\b|\b(?:still|being|currently) processed\b|another (?:in-progress )?(?:request|operation|process|transaction)|\bon-?going (?:operation|request)|\brequest (?:is )?in progress/i,
    without: /\b(?:account|user|profile|card|password)\b/i,
    kind: 'concurrency-limited',
    on: [409, 423],
  },

  // Scraping APIs: the credits of the plan, whatever the verb
  // Witness: sendgrid: 401 maximum credits control
  {
    words: /\bcredits?\b/i,
    with: /\bno\b|not enough|n't have|insufficient|out of|left|limit|consumed|exhaust|used|reached|exceeded/i,
    kind: 'quota-exhausted',
    on: [401],
  },
  // Witness: apifreaks: 403-credits-not-active
  {
    words:
      /insufficient (?:\w+ )?(?:funds|balance|credits?)|(?:not|n't) (?:have )?(?:enough|sufficient) (?:\w+ )?(?:credits?|balance|funds)|credits? (?:is|are) (?:not |in)active|balance is (?:too low|insufficient|negative)|lacks? credit|payment (?:is )?(?:required|failed|overdue)|past due|\bunpaid\b|(?:subscription|trial|plan)(?: period)? (?:has |is |was )?(?:expired|ended|inactive|not active|over|cancell?ed)|billing (?:issue|problem)|account is not active|have any credits yet|purchase (?:more )?credits|add (?:more )?(?:funds|credits)|欠费|余额不足|充值/i,
    kind: 'billing',
    on: REFUSALS,
  },

  // Witness: openai: 429-day-window-long-duration
  {
    words: /limit|exceed|quota|cap\b|\bmax|reached|used|exhaust|too many|consumed|per[- ]day/i,
    period: 'long',
    kind: 'quota-exhausted',
    on: REFUSALS,
    soft: 'short-wait',
  },
  // Witness: litellm-hook: 429-max-budget-limit
  // Witness: ebay-finding: 500 exceeded the number of times
  {
    words: /\b(?<!(?:complexity|query|retry|error|rate|time) )budget\b|\bnumber of times\b/i,
    with: LIMITED,
    period: 'none-short',
    kind: 'quota-exhausted',
    on: [...REFUSALS, 500],
    soft: 'wait',
  },
  // Witness: apifreaks: 402-credits-exhausted
  {
    words:
      /TotalRequests|\b(?:run|ran) out of\b|\bout of (?:\w+ ){0,3}(?:credits?|searches|requests|quota)|\bno (?:more |remaining )?(?:\w+ )?(?:credits?|searches|requests|calls|quota) (?:left|remaining|available)|\bused (?:up )?all\b|exceeded your current quota|usage cap (?:has been |was )?(?:exceeded|reached)|(?:don't|do not) have any (?:more )?(?:\w+ )?credits|any more credits|credits?\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up|consumed)|(?:exceeded|exhausted|reached|depleted|used up|consumed)\b[^.]{0,40}\bcredits?\b|额度已?用[完尽]|次数已?用[完尽]/i,
    period: 'none-short',
    kind: 'quota-exhausted',
    on: REFUSALS,
    soft: 'wait',
  },
  // Witness: youtube: 403 quotaExceeded control
  {
    words:
      /\bquota\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up)|(?:exceeded|exhausted|reached|over)\b[^.]{0,40}\b(?:quota|allowance)\b|(?:calls|requests?|usage|plan|subscription|account|key|spend(?:ing)?)(?:'s)? (?:request )?limit (?:has been |was )?(?:exceeded|reached|hit)|exceed(?:ed)? the API calls|included usage has been consumed/i,
    // An invitation to try again is a rate limit's.
    without: INVITATION,
    period: 'none-short',
    kind: 'quota-exhausted',
    on: [200, 401, 402, 403],
    soft: 'wait',
  },
  // What more money ends, and no wait
  // Witness: ollama-cloud: 429 session usage limit
  {
    words: /\b(?:usage|plan|subscription|trial|account|free(?:[- ]tier)?) limits?\b/i,
    with: /upgrad/i,
    without: /try again|\bretry|\bwait\b|\blater\b|rate[- ]?limit/i,
    period: 'none-short',
    kind: 'quota-exhausted',
    on: [429],
    soft: 'wait',
  },
  // Witness: gemini: 429-retryinfo-fractional
  {
    words:
      /\bquota\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up)|(?:exceeded|exhausted|reached|over)\b[^.]{0,40}\bquota\b/i,
    period: 'none-short',
    kind: 'quota-exhausted',
    on: [429],
    soft: 'code',
  },
  // Witness: scrapingant: 423-1
  { words: /\b(?:anti-?)?bot\b|captcha/i, kind: 'forbidden', on: [423] },
  // A request that is too big for the plan, not a lack of money
  // Witness: apifreaks: 402 too many symbols
  {
    words: /\bsymbols?\b|per request|request (?:is )?too (?:big|large)|batch size/i,
    without: /credit/i,
    kind: 'invalid',
    on: [402],
  },
  // Witness: openai: 429-request-larger-than-TPM
  { words: /^request (?:is )?too large/im, kind: 'invalid', on: [429] },
  // Witness: bitfinex: 500 apikey invalid
  {
    words:
      /\b(?:api[ _-]?key|credentials|access token)\b[: ]+(?:is )?(?:invalid|expired|revoked|missing)|\binvalid (?:api[ _-]?key|credentials|access token)|\bAuthenticationError\b/i,
    kind: 'unauthenticated',
    on: [500],
  },
  // Witness: litellm: 500 BadRequestError
  { words: /\b(?:BadRequest|InvalidRequest|ContextWindowExceeded)Error\b/, kind: 'invalid', on: [500] },

  // Witness: elevenlabs: 429-system-busy
  {
    words:
      /overload|heavy (?:traffic|load)|(?:at|over|out of|exceeded|no) capacity|high demand|(?:server|system|service) (?:is )?(?:too )?busy/i,
    period: 'none-short',
    kind: 'overloaded',
    on: [429, 498],
  },
  // Witness: apifreaks: 429-openapi-example-message
  { words: /rate[- ]?limit|per (?:second|minute|hour)\b/i, kind: 'rate-limited', on: [429] },
  // Witness: azure-openai: 200-stream-refused-in-band
  { words: RATE, kind: 'rate-limited', on: [200, 400, 403, 418, 503] },
  // Elsewhere "rate limit" may be what a field is called: it has to be one that was exceeded.
  // Witness: gcs-resumable: 410 number of changes
  {
    words: RATE,
    with: /exceed|\breach|\bhit\b|too many|slow down|reduce|try again|\bretry|throttled|been rate/i,
    kind: 'rate-limited',
    on: [401, 405, 406, 409, 410, 412, 422, 423, 424],
  },
  ...ofVendors,
  // Witness: plan: 402 per minute
  // Witness: trongrid: 403 query frequency
  { words: /limit|quota|exceed/i, period: 'short', kind: 'rate-limited', on: [401, 402, 403] },
  // Witness: notion: 409-conflict_error
  {
    words: INVITATION,
    without: /\b(?:already exists?|duplicate|invalid|incorrect|wrong|denied)\b/i,
    kind: 'conflict',
    on: [409],
    retryable: true,
  },
  // Witness: meta: 400 is_transient
  {
    words: INVITATION,
    without: /\b(?:already exists?|duplicate|invalid|incorrect|wrong|denied)\b/i,
    kind: 'server-error',
    on: [400, 422, 423, 424],
  },
]

const WORDIEST = 4096

const fits = ({ period }: WordRow, words: string): boolean => {
  if (period === undefined) return true
  const periods = periodsIn(words)
  const hasShort = periods.some(({ ms }) => ms <= HOUR)
  if (period === 'short') return hasShort
  return !hasShort && (period !== 'long' || periods.some(({ ms }) => ms >= DAY))
}

/** What of a text a wording is found in, on an answer with this status. */
export const saidBy = (row: WordRow, words: string, status: number): string | undefined => {
  const said = row.on.includes(status) ? row.words.exec(words)?.[0] : undefined
  if (said === undefined || !(row.with?.test(words) ?? true) || row.without?.test(words) || !fits(row, words))
    return undefined
  return row.period === 'long' ? periodsIn(words)[0]!.said : said
}

/** The first wording that tells something about an answer with this status, with the words that told. */
export const wordingOf = (text: string, status: number): { row: WordRow; said: string } | undefined => {
  const words = text.slice(0, WORDIEST)
  for (const row of WORDS) {
    const said = saidBy(row, words, status)
    if (said !== undefined) return { row, said }
  }
  return undefined
}
