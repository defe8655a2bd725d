import { REDACTED } from './formats.ts'
import { SECRET_NAME } from './harmless.ts'
import { oddness } from './words.ts'

const PAIRS =
  /(["']?)([\w.$-]{1,64})\1(\s{0,3}[=:]\s{0,3})("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'(){}[\]<>]+)/g

const HARMLESS = new Set(['null', 'true', 'false', '', REDACTED])

/** `name=value` and `"name": "value"`, where the name says that the value is a secret. */
export const maskPairs = (text: string): string =>
  text.replace(PAIRS, (whole, quote: string, name: string, between: string, value: string) => {
    if (!SECRET_NAME.test(name)) return whole
    const bare = value.replace(/^["']|["']$/g, '')
    // "tokens: 4096", "API key: not found"
    const isSpeech = /^-?\d{1,7}\.?$/.test(bare) || (/:\s/.test(between) && bare === value && oddness(bare) === 0)
    return isSpeech || HARMLESS.has(bare) ? whole : `${quote}${name}${quote}${between}${REDACTED}`
  })
