import { REDACTED } from './formats.ts'
import { SECRET_NAME } from './harmless.ts'
import { oddness } from './words.ts'

/** JSON inside JSON has its quotes escaped. */
const NAME = /(\\{0,7}["']?)([\w.$-]{1,64})\1\s{0,3}[=:]\s{0,3}/g
const VALUE = /(\\{1,7}["']).*?(?:(?<!\\)\1|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'(){}[\]<>]+/sy

const HARMLESS = new Set(['null', 'true', 'false', '', REDACTED])

/** Names of secrets that may be a few digits. */
const DIGITS = /otp|pass|pwd/i

/** "tokens: 4096", "API key: not found" */
const isSpeech = (name: string, colon: string, value: string): boolean =>
  (/^["']?-?\d{1,7}\.?["']?$/.test(value) && !DIGITS.test(name)) ||
  (/:\s/.test(colon) && !/["']/.test(value) && oddness(value) === 0)

/** `name=value` and `"name": "value"`, where the name says that the value is a secret. */
export const maskPairs = (text: string): string => {
  let masked = ''
  let done = 0
  NAME.lastIndex = 0
  for (let found = NAME.exec(text); found; found = NAME.exec(text)) {
    const [whole, , name = ''] = found
    // What it is the name of may have such pairs inside.
    if (!SECRET_NAME.test(name)) continue
    VALUE.lastIndex = NAME.lastIndex
    const value = VALUE.exec(text)?.[0] ?? ''
    if (HARMLESS.has(value.replace(/^\\*["']|\\*["']$/g, '')) || isSpeech(name, whole, value)) continue
    masked += text.slice(done, NAME.lastIndex) + REDACTED
    done = NAME.lastIndex += value.length
  }
  return masked + text.slice(done)
}
