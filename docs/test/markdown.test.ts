import { describe, expect, it } from 'vitest'
import { type Block, blocksOf as blocksOfPage } from './markdown.ts'

const text = (...lines: string[]): string => lines.join('\n')
const blocksOf = (page: string): readonly Block[] => blocksOfPage(page, 'page.md')

describe('blocksOf', () => {
  it('finds ts, js, cjs and mjs blocks, with their lines, and no others', () => {
    const blocks = blocksOf(
      text(
        '# A',
        '',
        '```ts',
        'const a = 1',
        'a',
        '```',
        '```sh',
        'ls',
        '```',
        '~~~javascript',
        'b',
        '~~~',
        '```cjs',
        'c',
        '```',
      ),
    )
    expect(blocks).toEqual([
      { line: 3, extension: 'ts', code: 'const a = 1\na', check: true, run: true },
      { line: 10, extension: 'js', code: 'b', check: true, run: true },
      { line: 13, extension: 'cjs', code: 'c', check: true, run: true },
    ])
  })

  it('takes the indentation of a list item off', () => {
    expect(blocksOf(text('1. do', '', '   ```ts', '   if (a) {', '     b', '   }', '   ```'))[0]?.code).toBe(
      'if (a) {\n  b\n}',
    )
  })

  it('leaves a block inside a longer fence alone', () => {
    expect(blocksOf(text('````md', '```ts', 'a', '```', '````'))).toEqual([])
  })

  it('does not run a no-run block, but checks it', () => {
    expect(blocksOf(text('```ts no-run', 'a', '```'))[0]).toMatchObject({ check: true, run: false })
  })

  it('accepts no-check only under a comment that says why', () => {
    expect(() => blocksOf(text('See:', '', '```ts no-check', 'a', '```'))).toThrow(
      'page.md:3: no-check needs an HTML comment',
    )
    expect(() => blocksOf(text('<!-- -->', '```ts no-check', 'a', '```'))).toThrow(
      'page.md:2: no-check needs an HTML comment',
    )
    const explained = text('<!-- needs a server', 'of your own -->', '', '```ts no-check', 'a', '```')
    expect(blocksOf(explained)[0]).toMatchObject({ check: false, run: false })
  })

  it('takes what a block prints from the output right below it', () => {
    const blocks = blocksOf(text('```ts', 'a', '```', '', '```output', '1', '2', '```', '```ts', 'b', '```'))
    expect(blocks.map(({ output }) => output)).toEqual(['1\n2', undefined])
  })

  it.each([
    ['without a block', []],
    ['behind text', ['```ts', 'a', '```', 'prints']],
    ['behind a block in another language', ['```ts', 'a', '```', '```sh', 'b', '```']],
    ['behind one that is not run', ['```ts no-run', 'a', '```']],
  ])('rejects an output %s', (_, above) => {
    expect(() => blocksOf(text(...above, '```output', '1', '```'))).toThrow('an output belongs right below')
  })

  it('rejects a mark it does not know', () => {
    expect(() => blocksOf(text('```ts norun', 'a', '```'))).toThrow('page.md:1: "norun" is neither no-run nor no-check')
  })
})
