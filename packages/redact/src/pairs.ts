import { isPinName, isSecretName } from './names.ts'
import { oddness } from './words.ts'

/**
 * `name=`, `"name": `, `name => `; `<name>`; `--name `; `"name": "name", "value": ` and `name="name"` of forms. JSON inside
 * JSON has its quotes escaped.
 */
const NAME =
  /(\\{0,64}["'])(?:name|key|header|field)\1\s?:\s?\1([\w.$-]{1,64})\1\s?,\s?\1value\1\s?:\s?|\bname="([\w.$-]{1,64})"\s{1,8}(?:value=)?|(\\{0,64}["']?)([\w.$-]{1,64})\4\s{0,3}(?:=>|[=:])\s{0,3}|<([\w.:-]{1,64})(?:\s[^<>]{0,200})?>\s{0,3}|(?<!\S)--?([\w-]{1,64})\s{1,3}/g
const VALUE =
  /\[\s{0,3}["'][^\]]*\]?|(\\{1,64}["']).*?(?:(?<!\\)\1|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'(){}[\]<>]+/sy
/** Letters and digits in one. */
const REST = /\s{1,9}(?=[\w+/=.~-]{0,64}\d)(?=[\w+/=.~-]{0,64}[a-z])[\w+/=.~-]{2,128}/iy
const LINE = /(?:="[^"\n]*"|[^\n"'<>{}])+/y

/** Of XML; of a connection string, whose next setting follows. */
const ELEMENT = /[^<]+/y
const SETTING = /[^;"'&<>\n]{1,128}(?=;\s?[\w ]{1,40}=)/y

/** These have several parts, or words. */
const LONG = /authorization$|cookie$|phrase$|mnemonic$/i

const NOTHING = /^(?:null|true|false|yes|no|nil|none|value|\*+)?$/i

/** What is said of a secret in place of its value. */
const SAID =
  /(?<!\p{L})(?:not?|is|are|was|must|should|can(?:not)?|ha[sd]|unknown|missing|invalid|valid|expire[ds]?|revoked|required|malformed|incorrect|wrong|empty|denied|failed|mismatch|forbidden|unsupported|expected|received|string|header|please|use|your|this|too|already|disabled|error|rejected|exceeded|authentication|token)(?!\p{L})/iu

/** "tokens: 4096", "tokens: input=12", "API key: not found", "password": "This field is required." */
export const isSpeech = (name: string, is: string, value: string): boolean => {
  const plain = value.replace(/^[\\"'[\s]+|[\\"'\]\s]+$/g, '')
  if (NOTHING.test(plain) || /^\d$/.test(plain)) return true
  const count = /tokens$/i.test(name) ? plain.replace(/^[a-z_]{1,20}=|(?<=\d)\/\w{1,9}(?=\W?$)/gi, '') : plain
  if (/^-?\d[\d.,]{0,8}(?:m?s|[mhdk%])?\.?$/.test(count)) return !isPinName(name)
  if (oddness(plain) > 0 || !/^[\p{L}\s.,:;!?'()\d-]+$/u.test(plain)) return false
  const isSentence = /\s/.test(is) ? !/["']/.test(value) : false
  if (SAID.test(plain)) return isSentence || /\s/.test(plain)
  return isSentence && /^keys?$|tokens$|hook$/i.test(name)
}

/** Tells of the values of `name=value` and its like, where the name says that the value is a secret. */
export const findPairs = (text: string, found: (from: number, to: number) => void): void => {
  NAME.lastIndex = 0
  for (let pair = NAME.exec(text); pair; pair = NAME.exec(text)) {
    const name = pair[2] ?? pair[3] ?? pair[5] ?? pair[6] ?? pair[7] ?? ''
    // What it is the name of may have such pairs inside.
    if (!isSecretName(name)) continue
    const from = NAME.lastIndex
    const isBare = /[^"'[\\]/.test(text.charAt(from))
    const patterns = pair[6]
      ? [ELEMENT]
      : !isBare
        ? []
        : LONG.test(name)
          ? [LINE]
          : /^p(?:assword|wd)$/i.test(name)
            ? [SETTING]
            : []
    let value = ''
    for (const pattern of [...patterns, VALUE]) {
      pattern.lastIndex = from
      value ||= pattern.exec(text)?.[0] ?? ''
    }
    if (isSpeech(name, pair[0], value)) continue
    let to = from + value.length
    // Wrapped, or in groups: as long as what follows is no word.
    if (/^[^\\"'[]/.test(value)) for (REST.lastIndex = to; REST.test(text); to = REST.lastIndex);
    found(from, to)
    NAME.lastIndex = to
  }
}
