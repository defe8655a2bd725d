import fc from 'fast-check'
import { type BareItem, parseDictionary, parseList, Token } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { membersOf } from '../src/ietf.ts'

const BYTES = 'bytes'

/** A bare item as it was sent, in the library's types. */
const read = (sent: string | undefined): unknown => {
  if (sent === undefined || sent.startsWith('?')) return sent !== '?0'
  if (sent.startsWith('"')) return sent.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  if (sent.startsWith(':')) return BYTES
  return /^[\d-]/.test(sent) ? Number(sent) : sent
}

const plain = (item: BareItem): unknown =>
  item instanceof Token ? item.toString() : item instanceof ArrayBuffer ? BYTES : item

const ours = (text: string, isDictionary: boolean): unknown =>
  membersOf(text, isDictionary).map(({ key, value, params }) => [
    key,
    read(value),
    Object.fromEntries([...params].map(([name, given]) => [name, read(given)])),
  ])

/** What the library reads: nothing in a malformed field. */
const theirs = (text: string, isDictionary: boolean): unknown => {
  try {
    const members = isDictionary
      ? [...parseDictionary(text)]
      : parseList(text).map((item) => [undefined, item] as const)
    return members.map(([key, [value, params]]) => [
      key,
      plain(value as BareItem),
      Object.fromEntries([...params].map(([name, given]) => [name, plain(given)])),
    ])
  } catch {
    return []
  }
}

const number = fc.oneof(
  fc.nat(),
  fc.constantFrom('0.5', '12.345', '1.2345', '-7', '123456789012345', '1234567890123456'),
)
const bare = fc.oneof(
  number.map(String),
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"a\\"b"',
    '"a\\\\"',
    '"a\\b"',
    '"open',
    'tok/en:x',
    '*',
    '?1',
    '?0',
    '?2',
    ':YWI=:',
    ':YWI=',
    'requests',
  ),
)
const key = fc.constantFrom('q', 'w', 'pk', 'qu', 'a-b_c.*', '*', 'Q', '1')
const parameter = fc
  .tuple(fc.constantFrom(';', '; ', ' ;', ';\t'), key, fc.constantFrom('=', '= ', ''), fc.option(bare, { nil: '' }))
  .map((parts) => parts.join(''))
const member = fc
  .tuple(bare, fc.array(parameter, { maxLength: 4 }))
  .map(([value, parameters]) => value + parameters.join(''))
const joined = (members: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(members, { minLength: 1, maxLength: 4 }), fc.constantFrom(',', ', ', ' , ', '\t,\t', ';', ' '))
    .map(([all, comma]) => all.join(comma))

describe('structured fields are read as the library for them does', () => {
  it('lists', () => {
    fc.assert(
      fc.property(joined(member), (text) => {
        expect(ours(text, false)).toEqual(theirs(text, false))
      }),
      { numRuns: 5000 },
    )
  })

  it('dictionaries', () => {
    const names = ['limit', 'remaining', 'reset', 'x']
    const pairs = fc
      .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
      .chain((keys) =>
        fc.tuple(...keys.map((name) => member.map((value) => `${name}=${value}`))).map((all) => all.join(', ')),
      )
    fc.assert(
      fc.property(pairs, (text) => {
        expect(ours(text, true)).toEqual(theirs(text, true))
      }),
      { numRuns: 2000 },
    )
  })

  it.each(['', ',', '"a",', ',"a"', '"a" "b"', '"a";', '"a";q=', 'a=1', '"a", b=1', '"a"\t, "b"'])('%j', (text) =>
    expect(ours(text, false)).toEqual(theirs(text, false)),
  )
})
