/** `accessToken`, `access_token`, `X-Access-Token`, `ACCESS_TOKEN`: the words of a name. */
const wordsOf = (name: string): string =>
  name
    .replace(/([a-z\d])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$2 ')
    .replace(/[^\p{L}\d]+/gu, ' ')
    .trim()
    .toLowerCase()

/** What is a secret by its last word but one, or written in one. */
const SECRET =
  /(?:^| )(?:\w*(?:token|passw(?:or)?[dt]|passphrase|pass ?code|pwd|credential|cookie|jwt|hmac|oauth|verifier|(?:api|app|access|auth|secret|private|licen[cs]e|encryption|signing|shared|account|master)keys?)s?|\w*secret(?!ar)\w*|\w*sess(?:ion)?(?:id|key)?|(?:db|user|my|root|admin|smtp|ftp|pg|store|key)?pass|(?:x|proxy|basic|http)?auth(?:orization|n|z)?|bearer|web ?hook(?: ur[il])?|key|sig|signature|creds?|[ps]?sid|pin|cv[cv]2?|psk|dsn|[ht]?otp|mfa|[2t]fa|[cx]srf|assertion|saml\w*|mnemonic|ssn|sas|pem|card ?(?:number|no)|(?:seed|recovery|backup|wallet) (?:phrase|words)|(?:mfa|auth|authorization|verification|recovery|backup|device|user|sms|2fa|security|access|login|confirmation) codes?)(?= |$)/

/** What a name is about in the end: `token_type`, `key_name`, `sessionTimeout`, `max_tokens`. */
const ABOUT =
  / (?:types?|name|count|len\w*|size|limits?|us(?:ed|age)|max|min|total|remaining|exp\w*|ttl|age|at|in|(?<!hook )ur[il]|endpoint|stat(?:us|e)|valid|format|version|alg\w*|method|mode|scheme|polic\w+|scopes?|required|enabled|missing|errors?|reason|path|field|index|provider|issuer|server|host|domain|region|attempts?|retries|rate|per|quota|duration|timeout|lifetime|m?s|seconds|days?|time|date)$|(?<!access )key ?id$|(?:^| )kid$/
const HARMLESS =
  /(?:^| )(?:cache|primary|foreign|public|partition|sort|routing|idempotency|object|unique|group|shard|hash|range|lookup|parent|pagination|max|min|input|output|prompt|completion|unexpected) ?(?:key|token)s?$/

/** Whether a name, in whatever notation, is one that is given to secrets. */
export const isSecretName = (name: string): boolean => {
  const words = wordsOf(name)
  return SECRET.test(words) && !ABOUT.test(words) && !HARMLESS.test(words)
}

/** Names of what may be but a few digits. */
export const isPinName = (name: string): boolean => /otp|pass|pwd|pin|cv[cv]|mfa|fa\b|code|psk|card|ssn/i.test(name)

/** What calls the next word an identifier: not what may have any word behind it, as "request" or "user". */
const ID =
  /(?:^| )(?:(?:request|req|trace|span|correlation|account|user|org|object|event|resource|operation|job|run|app|customer|project|instance|thread|batch|order|payment|incident)?ids?|guid|uuid|identifier|trace|traceparent|parent|ray|sha\d*|md5|digest|e ?tag|commit|object|node|number|revision|fingerprint|checksum|sku|arn|ref|reference)$/

const FILLERS =
  /(?:<\w{1,9}>|(?<!\p{L})(?:is|was|of|with|provided|given|supplied|value|you|your|the|this|that|has|been|not|found|an?)(?!\p{L})|[^\p{L}\d>]|>)+$/iu

/** Between a value and the name of the next: what ends in "Id" there may be the end of a secret. */
const NEXT_FIELD = /["'\]}]\s*[,;]/

/** What the words before something say that it is. */
export const calledBy = (before: string): 'secret' | 'id' | undefined => {
  const said = before.replace(FILLERS, '')
  const last = wordsOf(said).split(' ').slice(-2).join(' ')
  if (isSecretName(last)) return 'secret'
  return ID.test(last) && !NEXT_FIELD.test(before.slice(said.length)) ? 'id' : undefined
}
