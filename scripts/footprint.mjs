import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const PAGE = 'docs/runtimes-and-sizes.md'

/** A row of a Markdown table. */
export const row = (...cells) => `| ${cells.join(' | ')} |`

/**
 * Compares a table of the page on runtimes and sizes with what was measured, or writes it. Returns what is wrong with it,
 * if something is.
 */
export const setTable = (name, rows, write) => {
  const path = join(root, PAGE)
  const page = readFileSync(path, 'utf8')
  const between = new RegExp(`(?<=<!-- ${name}: written by \`(.+)\` -->\\n\\n)[^]*?(?=\\n\\n<!-- /${name} -->)`)
  const [table, command] = between.exec(page) ?? []
  if (table === undefined) return `${PAGE} has no table "${name}"`
  if (table === rows.join('\n')) return undefined
  if (!write) return `${PAGE} is out of date: ${command}`
  writeFileSync(
    path,
    page.replace(between, () => rows.join('\n')),
  )
  return undefined
}
