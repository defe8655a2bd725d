type Extension = 'ts' | 'js' | 'cjs' | 'mjs'

export interface Block {
  /** The line of its opening fence, counted from 1. */
  readonly line: number
  readonly extension: Extension
  readonly code: string
  readonly check: boolean
  readonly run: boolean
  /** All that it prints, where a fence `output` says so right below. */
  readonly output?: string
}

const extensions: ReadonlyMap<string, Extension> = new Map([
  ['ts', 'ts'],
  ['typescript', 'ts'],
  ['js', 'js'],
  ['javascript', 'js'],
  ['cjs', 'cjs'],
  ['mjs', 'mjs'],
])

const flags: ReadonlySet<string> = new Set(['no-run', 'no-check'])

/**
 * Reads the TypeScript and JavaScript blocks of a Markdown text. Each is checked and run, unless its fence says `no-run`
 * or, under an HTML comment that gives the reason, `no-check`. A fence `output` right below a block that is run has what it
 * prints.
 */
export const blocksOf = (text: string, page: string): readonly Block[] => {
  const blocks: Block[] = []
  const lines = text.split(/\r?\n/)
  let above = -1
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence = '', info = ''] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(lines[at] ?? '') ?? []
    if (fence === '') continue
    const opening = at
    const body: string[] = []
    for (at++; at < lines.length && !isClosing(lines[at] ?? '', fence); at++)
      body.push((lines[at] ?? '').replace(indent, ''))

    const [language = '', ...marks] = info.trim().split(/\s+/)
    const extension = extensions.get(language)
    if (language === 'output') {
      const printing = blocks.at(-1)
      if (!printing?.run || lines.slice(above + 1, opening).join('') !== '')
        throw new SyntaxError(`${page}:${opening + 1}: an output belongs right below the block that prints it`)
      blocks[blocks.length - 1] = { ...printing, output: body.join('\n') }
    }
    if (!extension) continue
    above = at
    const line = opening + 1
    for (const mark of marks) {
      if (!flags.has(mark)) throw new SyntaxError(`${page}:${line}: "${mark}" is neither no-run nor no-check`)
    }
    const check = !marks.includes('no-check')
    if (!check && !isExplained(lines.slice(0, opening))) {
      throw new SyntaxError(`${page}:${line}: no-check needs an HTML comment right above that says why`)
    }
    blocks.push({
      line,
      extension,
      code: body.join('\n'),
      check,
      run: check && !marks.includes('no-run'),
    })
  }
  return blocks
}

const isClosing = (line: string, fence: string): boolean => {
  const trimmed = line.trim()
  return trimmed.length >= fence.length && trimmed === fence.charAt(0).repeat(trimmed.length)
}

const isExplained = (above: readonly string[]): boolean => /<!--\s*\S[\s\S]*-->\s*$/.test(above.join('\n').trimEnd())
