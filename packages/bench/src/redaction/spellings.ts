/** How a server may write what it was sent, or what it knows. */
export type Spell = (secret: string) => readonly string[]

const each = (text: string, as: (code: number, one: string) => string): string =>
  Array.from(text, (one) => as(one.codePointAt(0) ?? 0, one)).join('')
const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
const json = (text: string): string => JSON.stringify(text).slice(1, -1)
const html = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one] ?? '&#39;')

export const SPELLINGS: Readonly<Record<string, Spell>> = {
  'as it is': (one) => [one],
  'percent where needed': (one) => [encodeURIComponent(one)],
  'percent in lower case': (one) => [encodeURIComponent(one).replaceAll(/%../g, (code) => code.toLowerCase())],
  'percent throughout': (one) => [each(one, (code) => `%${hex(code, 2).toUpperCase()}`)],
  'percent throughout, in lower case': (one) => [each(one, (code) => `%${hex(code, 2)}`)],
  'percent twice': (one) => [
    encodeURIComponent(encodeURIComponent(one)),
    encodeURIComponent(each(one, (code) => `%${hex(code, 2)}`)),
  ],
  'of a form': (one) => [new URLSearchParams({ a: one }).toString().slice(2)],
  'decimal entities': (one) => [each(one, (code) => `&#${code};`)],
  'hexadecimal entities': (one) => [each(one, (code) => `&#x${hex(code, 2)};`)],
  'JSON, and JSON in JSON': (one) => [json(one), json(json(one))],
  'unicode escapes': (one) => [
    each(one, (code) => `\\u${hex(code, 4)}`),
    each(one, (code) => `\\\\u${hex(code, 4).toUpperCase()}`),
  ],
  'HTML, and JSON in HTML': (one) => [html(one), html(json(one))],
  'other case': (one) => [one.toUpperCase(), one.toLowerCase()],
  'with spaces': (one) => [
    one.replaceAll(/(.{12})/g, '$1\n'),
    one.replaceAll(/(.{4})/g, '$1 '),
    one.replaceAll(' ', '  '),
  ],
  'cut at every length': (one) => Array.from(one, (_, i) => one.slice(0, i + 1)),
}
