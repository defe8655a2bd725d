import { isSpeech } from './pairs.ts'
import { isDrawn, ODD_AS_SECRET } from './words.ts'

/** What replaces a secret. */
export const REDACTED = '[redacted]'

/** Prefixes of keys that have only letters and digits behind them. */
const PLAIN =
  '(?:[sr]k_(?:live_|test_|prod_)?|pk_(?:live|test)_|gh[pousr]_|re_[A-Za-z\\d]{8}_|npm_|(?:hf|api_org)_|r8_|gsk_|xai-|pplx-|fw_|(?:tvly|fc)-(?:[a-z]{1,12}-)?|apify_api_|dapi|do[opr]_v1_|nf[pcoub]_|vc[aciprk]_|shp(?:at|ca|pa|ss|tk|ua)_|access_token\\$\\w+\\$[a-z\\d]+\\$|EAA|lin_(?:api|oauth)_|(?:secret|ntn)_|pul-|rubygems_|rzp_(?:live|test)_|AGE-SECRET-KEY-|LTAI|AKID|(?:A[KBCS]IA|ACCA|A[GI][PD]A|AIPA|AN[PV]A|AROA|APKA|ASCA)|A{10,}%?)[A-Za-z\\d]{12,}'
/** Of keys that have marks as well. */
const MARKED =
  '(?:sk-|whsec_|github_pat_|gl(?:pat|dt|rt|ptt|cbt|ft|agent|soat|imt|oas|ffct|c|sa)[-_]|AIza|ya29\\.|GOCSPX-|1//0|xox[a-z](?:\\.xox[a-z])?-|xapp-|xkeysib-|POSTMARK|PM-[A-Z]|pypi-|dckr_[op]at_|nvapi-|HRKU-|v1\\.0-[\\da-f]{16}|fm[12][ar]?_|sq0[a-z]{3}-|AT(?:ATT|BB|CTT)|PMAK-|NR(?:AK|JS|II|AL|IQ|RA|BR|SP)-|sntry[su]_|hv[sbr]\\.|dp\\.(?:pt|ct|sa|scim|audit)\\.|pscale_\\w{2,5}_|sb(?:p|_secret|_publishable)_|pat-(?:na|eu|ap)\\d-|CFPAT-|fig[dou]r?_|sl\\.|access-(?:sandbox|development|production)-|FLW\\w{3,5}K(?:_TEST)?-|AQE|tskey-|ops_eyJ|tfp_|AccountKey=)[\\w+/=-]{12,}'

/** What keys look like that tell by their form what they are: with as much behind a prefix as no word has. */
export const FORMATS: readonly string[] = [
  PLAIN,
  MARKED,
  // JSON Web Token, and whatever else is JSON in Base64; Mapbox
  '(?:[pst]k\\.)?eyJ[\\w-]{8,}(?:\\.[\\w-]*){0,4}',
  // Slack and Discord webhooks, Discord and Telegram bots
  'hooks\\.slack\\.com/[a-z]{8,9}/[\\w/-]+',
  'discord(?:app)?\\.com/api/(?:v\\d+/)?webhooks/\\d+/[\\w-]+',
  '[MNO][\\w-]{22,28}\\.[\\w-]{5,7}\\.[\\w-]{25,}',
  '(?:bot)?\\d{6,12}:[\\w-]{25,}',
  // Twilio, SendGrid, Mailgun, Mailchimp
  '(?:AC|SK|AP|MG)[\\da-f]{30,32}',
  'SG\\.[\\w-]{16,}\\.[\\w-]{16,}',
  '(?:pub)?key-[\\da-f]{24,}',
  '[\\da-f]{32}-us\\d{1,2}',
  // Airtable, Terraform, LaunchDarkly, Okta
  'pat[A-Za-z\\d]{14}\\.[\\da-f]{20,}',
  '[A-Za-z\\d]{14}\\.atlasv1\\.[\\w-]{20,}',
  '(?:sdk|mob|api)-[\\da-f]{8}-[\\da-f-]{20,}',
  '00[\\w-]{39,42}(?![\\w-])',
]

const ALL = `(?<![A-Za-z\\d])(?:${FORMATS.join('|')})`
const ANY = new RegExp(ALL, 'gi')
/** The beginning of one, where a text was cut. */
const CUT = new RegExp(`${ALL.replace(/\{\d+,\}/g, '{4,}')}$`)
const PEM = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}-----|$)/g
const SCHEME =
  /\b(Bearer|Basic|Digest|Token|ApiKey|Api-Key|AWS4-HMAC-SHA256)\s{1,9}(?![\w-]{1,40}=[^=\s])(?=[^\s,;"'<>]{0,99}[\d=_.~+/-])([^\s,;"'<>]{6,})/dgi
/** Connection strings of drivers that are no URLs. */
const LOGIN =
  /(?<![\w.+-])(?!(?:mailto|acct|sips?|xmpp|npm|pkg):)[\w.+-]{1,64}:([^\s@/:"'<>]{3,128})@(?:tcp\(|localhost|[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63}){0,8}(?:\.[a-z]{2,12}|:\d{2,5}))\b/dgi

/** What a program takes a password behind, on its command line or in netrc: quoted, or up to a space. No port. */
const COMMAND =
  /(?:\b(?:(?:login|sshpass|mongo\w*|sqlcmd|zip|unzip)\b[^\n|;&]{0,200}?\s-[pP]\s?|(?:mysql|mariadb)\w*\b[^\n|;&]{0,200}?\s-p|redis-cli\b[^\n|;&]{0,200}?\s-a\s?|ldap\w*\b[^\n|;&]{0,200}?\s-w\s?)(?!\d{0,5}(?!\S))|\bmachine\s{1,9}\S{1,128}\s{1,9}login\s{1,9}\S{1,128}\s{1,9}password\s{1,9})(?:(["'])((?:(?!\1).){1,128})\1|([^\s"'|;&]{1,128}))/dg
/** `-u ann:pw`, but no path, no number, and no group of users; curl also takes it without a space. */
const USER =
  /(?:(?<!\S)-{1,2}[\w-]{0,9}u(?:ser)?[\s=]{1,3}|(?<=\bcurl\b[^\n|;&]{0,200}\s)-[uU])(?:(["'])[^\s:"']{1,64}:((?:(?!\1).){1,128})\1|([^\s:"']{1,64}):(?!\/|(?:\3|\d{1,6})(?!\S))([^\s"']{1,128}))/dgi
/** Keys are drawn by lot, passwords are words: quoted, or with digits, right behind the name; or said to be wrong themselves. */
const PASSWORD =
  /(?<![a-z])(?:passw(?:or)?[dt]|passphrase|passcode|pwd)\s{1,3}(?:(?:is|was|of|value)\s{1,3}){0,2}(?:(["'`])((?:(?!\1)[^\n]){3,128})\1|(?!(?:sha|md|utf|base|v)\d|\d{1,3}-?(?:[dhms]\b|char))(?=[^\s\d]{0,128}\d)(?=[^\sa-z]{0,128}[a-z])([^\s"'`,;:()<>]{4,128})|(?!provided|supplied|entered|given|used|hash|format|confirm|field|value|length|combination|param|input|type|token|reset|check|string|rule|policy|hint|login|auth|entry|that|must)([a-z]{4,64})(?=\s{1,3}(?:(?:is|was)\s(?:not\s)?(?:wrong|(?:in)?(?:correct|valid))|does\s?n[o']t match|incorrect|wrong)))/dgi
const PIN = /\b(?:pin|otp|cv[cv])\s{1,3}(?:(?:is|was|code)\s)?(\d{4,8})\b/dgi

/** Tells of everything that has the form of a known kind of key. */
export const findFormats = (text: string, found: (from: number, to: number) => void): void => {
  for (const pattern of [PEM, ANY])
    for (const { 0: key, index } of text.matchAll(pattern)) found(index, index + key.length)
  for (const { 1: scheme = '', 2: key = '', indices } of text.matchAll(SCHEME))
    // The others are words, too: "basic plan-b", "digest sha256:".
    if (/^bearer$/i.test(scheme) || key.includes('=') || (!/^digest$/i.test(scheme) && isDrawn(key, ODD_AS_SECRET)))
      found(...(indices?.[2] ?? [0, 0]))
  for (const pattern of [LOGIN, COMMAND, USER, PASSWORD, PIN])
    // Of what stands in groups, the last is the secret.
    for (const { 2: quoted, indices } of text.matchAll(pattern))
      if (pattern !== PASSWORD || quoted === undefined || !isSpeech('', ' ', quoted))
        found(...(indices?.findLast(Boolean) ?? [0, 0]))
  const cut = CUT.exec(text)
  if (cut) found(cut.index, text.length)
}
