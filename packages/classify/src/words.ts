import type { VerdictKind } from '@aplomb/pipeline'

/** What a wording means. Only asked where no code has decided. */
export interface WordRow {
  readonly words: RegExp
  readonly kind: VerdictKind
  readonly on: readonly number[]
  /** All of these must be there as well, */
  readonly with?: RegExp | undefined
  /** and none of these. */
  readonly without?: RegExp | undefined
  /** Not believed when the server names a wait of minutes. */
  readonly soft?: boolean | undefined
}

const LIMITED = /limit|exceed|too many|maximum|\bmax\b|reached|allowed|throttl/i
const SHORT_WINDOW = /\b(?:per|each|every|an?|\/) ?(?:second|sec|minute|min|hour)\b|\b(?:RP[SM]|TPM|QPS)\b/i

/** The first row whose words are found decides. */
const WORDS: readonly WordRow[] = [
  { words: /\bconcurrent (?:modification|update|edit|write)/i, kind: 'conflict', on: [409] },
  // The pattern of the catalogue: real wordings of two dozen APIs
  {
    words:
      /concurren\w*|simultaneous|\bin[- ]?flight\b|\bparallel (?:requests|calls|jobs|connections|sessions|streams|threads)|too many (?:open |active )?connections|\bat (?:once|the same time)\b|\bthreads?\b|lock[_ ]timeout|\bis (?:still )?outstanding|each request to return|currently accessing/i,
    kind: 'concurrency-limited',
    on: [409, 423, 429, 503],
  },
  { words: /each request to return/i, kind: 'concurrency-limited', on: [200, 403] },
  {
    words: /concurren\w*|simultaneous|at (?:once|the same time)/i,
    with: LIMITED,
    // The size of one request
    without: /\b\d+ (?:items|records|rows|entries|elements|objects|files|ids)\b/i,
    kind: 'concurrency-limited',
    on: [200, 400, 403],
  },
  {
    words:
      /\block(?:ed|s)?\b|\b(?:already |still |currently )(?:in progress|processing|running)\b|\b(?:still|being|currently) processed\b|another (?:request|operation|process|transaction)|\bon-?going (?:operation|request)/i,
    without: /\b(?:account|user|profile|card|password)\b/i,
    kind: 'concurrency-limited',
    on: [409, 423],
  },

  // Scraping APIs: the credits of the plan, whatever the verb
  {
    words: /\bcredits?\b/i,
    with: /\bno\b|not enough|n't have|insufficient|out of|left|limit|consumed|exhaust|used|reached|exceeded/i,
    kind: 'quota-exhausted',
    on: [401],
  },
  {
    words:
      /insufficient (?:\w+ )?(?:funds|balance|credits?)|(?:not|n't) (?:have )?(?:enough|sufficient) (?:\w+ )?(?:credits?|balance|funds)|credits? (?:is|are) (?:not |in)active|balance is (?:too low|insufficient|negative)|lacks? credit|payment (?:is )?(?:required|failed|overdue)|past due|\bunpaid\b|(?:subscription|trial|plan)(?: period)? (?:has |is |was )?(?:expired|ended|inactive|not active|over|cancell?ed)|billing (?:issue|problem)|account is not active/i,
    kind: 'billing',
    on: [200, 400, 401, 402, 403, 429],
  },

  {
    words:
      /\b(?:daily|monthly|weekly|yearly|annual)\b|\bper[- ](?:24[- ]?hours?|day|month|week)\b|(?<!\bin )\b24[- ]hours?|(?:for|of) (?:the|this) (?:day|month)\b|TotalRequests/i,
    with: /limit|exceed|quota|cap\b|maximum|reached|used|exhaust|too many|per[- ]day/i,
    without: SHORT_WINDOW,
    kind: 'quota-exhausted',
    on: [200, 400, 401, 402, 403, 429],
  },
  {
    words:
      /\b(?:run|ran) out of\b|\bout of (?:\w+ )?(?:credits?|searches|requests|quota)|\bno (?:more |remaining )?(?:\w+ )?(?:credits?|searches|requests|calls|quota) (?:left|remaining|available)|\bused (?:up )?all\b|exceeded your current quota|usage cap (?:has been |was )?(?:exceeded|reached)|(?:don't|do not) have any (?:more )?(?:\w+ )?credits|any more credits|credits?\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up|consumed)|(?:exceeded|exhausted|reached|depleted|used up|consumed)\b[^.]{0,40}\bcredits?\b/i,
    without: SHORT_WINDOW,
    kind: 'quota-exhausted',
    on: [200, 400, 401, 402, 403, 429],
  },
  {
    words:
      /\bquota\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up)|(?:exceeded|exhausted|reached|over)\b[^.]{0,40}\b(?:quota|allowance)\b|(?:calls|requests?|usage|plan|subscription|account)(?:'s)? (?:request )?limit (?:has been |was )?(?:exceeded|reached|hit)|exceed(?:ed)? the API calls/i,
    without: SHORT_WINDOW,
    kind: 'quota-exhausted',
    on: [200, 401, 402, 403],
  },
  {
    words:
      /\bquota\b[^.]{0,60}\b(?:exceeded|exhausted|reached|depleted|used up)|(?:exceeded|exhausted|reached|over)\b[^.]{0,40}\bquota\b/i,
    without: SHORT_WINDOW,
    kind: 'quota-exhausted',
    on: [429],
    soft: true,
  },
  { words: /\b(?:anti-?)?bot\b|captcha/i, kind: 'forbidden', on: [423] },
  // A request that is too big for the plan, not a lack of money
  {
    words: /\bsymbols?\b|per request|request (?:is )?too (?:big|large)|batch size/i,
    without: /credit/i,
    kind: 'invalid',
    on: [402],
  },

  {
    words:
      /overload|heavy (?:traffic|load)|(?:at|over|out of|exceeded|no) capacity|high demand|(?:server|system|service) (?:is )?(?:too )?busy/i,
    without: SHORT_WINDOW,
    kind: 'overloaded',
    on: [429],
  },
  { words: /rate[- ]?limit|per (?:second|minute|hour)\b/i, kind: 'rate-limited', on: [429] },
  {
    words:
      /rate[- ]?limit|too many (?:requests|calls|queries)|throttl\w*|over (?:qps|rate)|queries per second|(?:request|call)s? limit (?:has been )?(?:exceeded|reached)|abuse detection|\brate exceeded|reduce your request rate|please slow down/i,
    kind: 'rate-limited',
    on: [200, 400, 403, 418, 503],
  },
]

const WORDIEST = 4096

/** The first wording that tells something about an answer with this status, with the words that told. */
export const wordingOf = (text: string, status: number): { row: WordRow; said: string } | undefined => {
  const words = text.slice(0, WORDIEST)
  for (const row of WORDS) {
    if (!row.on.includes(status)) continue
    const said = row.words.exec(words)?.[0]
    if (said !== undefined && (row.with?.test(words) ?? true) && !row.without?.test(words)) return { row, said }
  }
  return undefined
}
