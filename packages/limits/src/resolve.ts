import { lengthOf, readName, type Resolved } from './grammar.ts'
import { HEADERS } from './headers.ts'
import type { HeaderRow } from './rows.ts'

/** Finds the row for a header name, or null. */
export type Resolver = (header: string) => Resolved | null

/** Real APIs send a few dozen names; whoever makes up new ones for every answer gets no memory of ours for it. */
const REMEMBERED = 500

const match = (row: HeaderRow, header: string, rank: number): Resolved | undefined => {
  const found = typeof row.header === 'string' ? undefined : row.header.exec(header)
  if (found === null || (found === undefined && row.header !== header)) return undefined
  // What the row leaves open, the grammar of names fills in.
  const general = readName(header)
  const name = row.name ?? found?.groups?.['name'] ?? general?.name
  const windowMs = row.windowMs ?? general?.windowMs ?? lengthOf(name ?? '')
  return { ...general, ...row, header, name, windowMs, group: row.group ?? general?.group ?? `|${name ?? ''}`, rank }
}

const newResolver = (rows: readonly HeaderRow[]): Resolver => {
  const known = new Map<string, Resolved | null>()
  return (header) => {
    const seen = known.get(header)
    if (seen !== undefined) return seen
    const name = header.toLowerCase()
    let resolved: Resolved | null = null
    for (let i = 0; i < rows.length && !resolved; i++) resolved = match(rows[i]!, name, i) ?? null
    if (!resolved) {
      const general = readName(name)
      resolved = general ? { ...general, rank: rows.length } : null
    }
    if (known.size < REMEMBERED && header.length < 100) known.set(header, resolved)
    return resolved
  }
}

const standard = newResolver(HEADERS)
const extended = new WeakMap<readonly HeaderRow[], Resolver>()

/** The resolver for the house's rows, with the user's own in front. Made once per array of rows. */
export const resolverFor = (rows: readonly HeaderRow[] | undefined): Resolver => {
  if (!rows || rows.length === 0) return standard
  let resolver = extended.get(rows)
  if (!resolver) extended.set(rows, (resolver = newResolver([...rows, ...HEADERS])))
  return resolver
}
