// Tables, as a phone can show them: a row whose cells do not fit beside each other stands as a box, each cell under the other.

/** In characters: a cell with a sentence. */
const LONG_CELL = 40
/** In characters: a figure, with its unit. */
const FIGURE = 16
/** What a line of a phone holds beside the padding of cells, in characters. */
const LINE = 50
/** More are compared with each other: they are scrolled, with the first one in its place. */
const MOST_STACKED = 5

const textOf = ({ children }) =>
  children
    .filter(({ type }) => type !== 'html_inline')
    .map(({ content }) => content)
    .join('')

/** The first token of each cell, and what is in it. */
const cellsOf = (tokens) =>
  tokens.flatMap((token, i) =>
    /^t[hd]_open$/.test(token.type)
      ? [
          {
            token,
            text: textOf(tokens[i + 1]),
            hasCode: tokens[i + 1].children.some(({ type }) => type === 'code_inline'),
          },
        ]
      : [],
  )

const dress = (tokens) => {
  const cells = cellsOf(tokens)
  const heads = cells.filter(({ token }) => token.type === 'th_open').map(({ text }) => text)
  const widths = heads.map(() => 0)
  for (const [i, { text }] of cells.entries())
    widths[i % heads.length] = Math.max(widths[i % heads.length], text.length)
  const width = widths.reduce((sum, one) => sum + one)
  const isStacked = width > LINE && heads.length <= MOST_STACKED
  if (isStacked) tokens[0].attrJoin('class', 'stacked')
  else if (heads.length > MOST_STACKED) tokens[0].attrJoin('class', 'wide')
  for (const [i, { token, text, hasCode }] of cells.entries()) {
    if (token.type === 'th_open') continue
    const column = i % heads.length
    // Of two columns the second says what the first is.
    if (isStacked && column > 0 && heads.length > 2 && text !== '') token.attrSet('data-label', heads[column])
    if (text.length > LONG_CELL) token.attrJoin('class', 'long')
    else if (!hasCode && text.length <= FIGURE && /\d/.test(text)) token.attrJoin('class', 'figure')
  }
}

export const tables = (md) => {
  md.core.ruler.push('tables', ({ tokens }) => {
    let start
    for (const [i, { type }] of tokens.entries())
      if (type === 'table_open') start = i
      else if (type === 'table_close') dress(tokens.slice(start, i))
  })
  md.renderer.rules.table_open = (tokens, i, options, _, self) => {
    // What may be scrolled sideways can be reached by keys.
    tokens[i].attrSet('tabindex', '0')
    return self.renderToken(tokens, i, options)
  }
}
