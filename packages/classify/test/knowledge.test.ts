import { readdirSync, readFileSync } from 'node:fs'
import type { CodeRow, EnvelopeRow, ErrorHeaderRow, HeaderRow, WordRow } from '@aplomb/limits'
import { describe, expect, it } from 'vitest'
import { readFacts } from '../src/bodies.ts'
import { CODES, rowFor } from '../src/codes.ts'
import type { Facts } from '../src/facts.ts'
import { saidBy, WORDS } from '../src/words.ts'
import { type Case, textOf } from './support/cases.ts'

const LIMITS = new URL('../../limits/src/', import.meta.url)
const CLASSIFY = new URL('../src/', import.meta.url)
const VENDORS = new URL('vendors/', LIMITS)

const cases = [
  'limit-responses',
  'limit-responses-2',
  'limit-responses-2-relatives',
  'catalogue',
  'witnesses',
  'unprepared',
].flatMap((file) => JSON.parse(readFileSync(new URL(`${file}.json`, import.meta.url), 'utf8')) as readonly Case[])

/** The witnesses of each entry of each table in a file of knowledge: what comments of their own say above it. */
const witnessesIn = (source: string): ReadonlyMap<string, readonly (readonly string[])[]> =>
  new Map(
    Array.from(
      source.matchAll(/^export const (\w+): readonly \w+\[\] = \[\n(.*?)^\]$/gms),
      ([, table = '', rows = '']) => {
        let witnesses: string[] = []
        let isOpen = false
        const entries: string[][] = []
        for (const line of rows.split('\n')) {
          const witness = /^ {2}\/\/ Witness: (.+)$/.exec(line)?.[1]
          if (line === '' || (witness !== undefined && !isOpen)) witnesses = []
          if (witness !== undefined) witnesses.push(witness)
          isOpen = witness !== undefined
          if (/^ {2}[{'/](?!\/)/.test(line)) entries.push(witnesses)
        }
        return [table, entries]
      },
    ),
  )

interface Evidence extends Facts {
  readonly one: Case
  readonly header: ReadonlyMap<string, string>
}

const evidence = (one: Case): Evidence => ({
  ...readFacts(textOf(one), one.status),
  one,
  header: new Map(Object.entries(one.headers).map(([name, value]) => [name.toLowerCase(), value])),
})

const hasHeader = (name: unknown, { header }: Evidence): boolean => header.has(name as string)

/** Whether a case shows what an entry of a table says. */
const SHOWS: Readonly<Record<string, (entry: never, shown: Evidence) => boolean>> = {
  headers: ({ header: wanted }: HeaderRow, { header }) =>
    [...header.keys()].some((name) => (typeof wanted === 'string' ? wanted === name : wanted.test(name))),
  codes: (row: CodeRow, { codes, header, one }) => {
    const reason = [...header].filter(([name]) => /reason|code|problem|errortype/.test(name)).map(([, value]) => value)
    return rowFor([...codes, ...reason], one.status, [row]) !== undefined
  },
  words: (row: WordRow, { words, one }) => saidBy(row, words, one.status) !== undefined,
  bodies: ({ key }: { readonly key: string }, { one }) => textOf(one).includes(`"${key}":`),
  envelopes: ({ as }: EnvelopeRow, { codes }) => codes.some((code) => code.startsWith(`${as}:`)),
  errorHeaders: ({ codes }: ErrorHeaderRow, shown) => codes.some((name) => hasHeader(name, shown)),
  plans: ({ words: wanted }: { readonly words: RegExp }, { words }) => wanted.test(words),
  rates: (pattern: RegExp, { codes }) => codes.some((code) => pattern.test(code)),
  concurrencyHosts: (host: string, { one }) => one.status === 429 && new URL(one.url!).hostname.endsWith(host),
  outcomes: ({ key, kinds }: { readonly key: string; readonly kinds: object }, { json }) =>
    String((json as Record<string, unknown> | undefined)?.[key]) in kinds,
  hints: hasHeader,
  messageHeaders: hasHeader,
  platforms: hasHeader,
  proxyIds: hasHeader,
  requestIds: hasHeader,
  suspects: hasHeader,
  walls: hasHeader,
}

type Tables = Readonly<Record<string, readonly unknown[]>>

const load = async (file: URL): Promise<Tables> => (await import(file.href)) as Tables

const all = await load(new URL('index.ts', VENDORS))
const ofVendors = new Set(Object.values(all).flat())

/** A file of knowledge, the table in it, and what kind of entry that holds. */
const files = [
  ...readdirSync(VENDORS)
    .filter((file) => file !== 'index.ts')
    .map((file) => [file, new URL(file, VENDORS), undefined] as const),
  ['headers.ts', new URL('headers.ts', LIMITS), undefined] as const,
  ['codes.ts', new URL('codes.ts', CLASSIFY), { CODES }] as const,
  ['words.ts', new URL('words.ts', CLASSIFY), { WORDS }] as const,
]

/** The entries of a table without a witness, or with one that does not show what they say. */
const unwitnessed = (
  table: string,
  entries: readonly unknown[],
  witnesses: readonly (readonly string[])[],
): unknown[] =>
  entries.filter((entry, i) => {
    const shows = SHOWS[table] ?? SHOWS[table.toLowerCase()]
    const names = witnesses[i] ?? []
    if (names.some((name) => /^https?:\/\/\S+$/.test(name))) return false
    const found = cases.filter((one) => names.includes(`${one.api}: ${one.case}`))
    return !found.some((one) => shows!(entry as never, evidence(one)))
  })

describe('each piece of knowledge has a witness: a case that shows it, or a page of whoever it is about', () => {
  it.each(files)('%s', async (file, url, given?: Tables) => {
    const tables = given ?? (await load(url))
    const witnesses = witnessesIn(readFileSync(url, 'utf8'))
    expect(witnesses.size).toBeGreaterThan(0)
    for (const [table, found] of witnesses) {
      const isVendors = url.href.startsWith(VENDORS.href)
      const entries = tables[table]!.filter((entry) => isVendors || !ofVendors.has(entry))
      expect(found).toHaveLength(entries.length)
      expect({ file, table, unwitnessed: unwitnessed(table, entries, found) }).toEqual({ file, table, unwitnessed: [] })
      if (isVendors) expect(entries.filter((entry) => !all[table]!.includes(entry))).toEqual([])
    }
  })

  it('failures of runtimes are documented by them', () => {
    const found = witnessesIn(readFileSync(new URL('failures.ts', CLASSIFY), 'utf8')).get('FAILURES')!
    expect(found.length).toBeGreaterThan(0)
    for (const witnesses of found) expect(witnesses).toEqual([expect.stringMatching(/^https:\/\//)])
  })
})

describe('what has no witness is named', () => {
  const named = (comment: string): unknown[] => {
    const source = `export const headers: readonly HeaderRow[] = [\n${comment}  { header: 'x-ttl', means: 'reset' },\n]\n`
    return unwitnessed('headers', [{ header: 'x-ttl', means: 'reset' }], witnessesIn(source).get('headers')!)
  }
  const itself = [{ header: 'x-ttl', means: 'reset' }]

  it('an entry without one', () => expect(named('')).toEqual(itself))
  it('one that does not exist', () => expect(named('  // Witness: ip-api: no such case\n')).toEqual(itself))
  it('one that shows something else', () => expect(named('  // Witness: twilio: 429-20429\n')).toEqual(itself))
  it('one of another group', () => expect(named('  // Witness: ip-api: X-Rl / X-Ttl\n\n')).toEqual(itself))
  it('but not one that has one', () => {
    expect(named('  // Witness: ip-api: X-Rl / X-Ttl\n')).toEqual([])
    expect(named('  // Witness: https://ip-api.com/docs/api:json\n')).toEqual([])
  })
})

describe('the worked example of CONTRIBUTING is the file of a vendor', () => {
  it('as it stands', () => {
    const guide = readFileSync(new URL('../../../CONTRIBUTING.md', import.meta.url), 'utf8')
    const [, example = ''] = /## Adding a vendor.*?```ts no-run\n(.*?) *```/s.exec(guide) ?? []
    expect(example.replaceAll(/^ {4}/gm, '')).toBe(readFileSync(new URL('walmart.ts', VENDORS), 'utf8'))
  })
})
