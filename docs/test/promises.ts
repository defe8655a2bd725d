import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A small change that breaks a promise. */
interface Break {
  readonly file: string
  readonly find: string
  readonly replace: string
}

interface Said {
  readonly area: string
  readonly readme: string
  /** The README's own words. */
  readonly quote: string
  /** What came of it the last time. */
  readonly figure?: string
}

/** A promise that a test shows, by the title of the test or of its group. */
export interface TestedPromise extends Said {
  readonly test: string
  readonly title: string
  readonly break?: Break
}

/** A promise that takes longer to show than a test may: a command, and the file in which it leaves its figure. */
interface MeasuredPromise extends Said {
  readonly command: string
  readonly report: string
}

export type OnePromise = TestedPromise | MeasuredPromise

export const root: string = fileURLToPath(new URL('../..', import.meta.url))
export const DATA = 'docs/promises.json'
export const PAGE = 'docs/promises.md'

export const isTested = (promise: OnePromise): promise is TestedPromise => 'test' in promise

export const readPromises = (): readonly OnePromise[] =>
  (JSON.parse(readFileSync(join(root, DATA), 'utf8')) as { readonly promises: readonly OnePromise[] }).promises

/** What differs in the titles of a table's tests. */
const VARYING = /%[a-z]|\$[a-z]+/g

/** Finds the tests of a title among full names; what differs in each of a table may be anything. */
export const patternOf = (title: string): RegExp =>
  new RegExp(
    title
      .split(VARYING)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('.*'),
  )

const link = (path: string): string => `[${path.replace(/^packages\//, '')}](../${path})`

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)

/** As a sentence of its own, where it is a part of one. */
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const rowOf = (promise: OnePromise): string => {
  const { readme, quote, figure = 'not run yet' } = promise
  const shownBy = isTested(promise)
    ? `${link(promise.test)}: ${promise.title.replaceAll(VARYING, '…')}`
    : `\`${promise.command}\``
  // The words are of another page: their links would lead nowhere.
  const said = quote.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
  const broken = isTested(promise) && promise.break ? 'yes' : ''
  return `| ${[`${sentence(said)} ([${readme.split('/').at(-2) ?? 'aplomb'}](../${readme}))`, shownBy, figure, broken].map(cell).join(' | ')} |`
}

const HEAD = `# What is promised, and what shows it

What the READMEs say of safety, bounds, money, secrets and memory, in their own words; the test or the command that fails when it is not so; and what came of it the last time.

| command | what it does |
|---|---|
| \`npm run promises\` | runs all tests of this page, and writes it anew |
| \`npm run promises -- --break\` | breaks the code of those marked in the last column, in a copy, and shows that their tests fail |
| \`npx vitest run packages/redact/test/secrets.test.ts\` | runs a test of one of them |
| \`npm run mutation -- --sample 150\` | the same at large: breaks eight packages in ways drawn by lot, and lists what no test has noticed |
| \`npm run promises -- mutation\` | writes what came of that into this page |

This page is written by \`scripts/promises.mjs\` from [promises.json](promises.json).`

/** What came of one draw: how many of the mutants that were drawn the tests have found, and not. */
interface Drawn {
  readonly found: number
  readonly not: number
  readonly score: number
  readonly low: number
  readonly high: number
}

interface Sampled {
  /** How many mutants the package has. */
  readonly of: number
  /** By seed. */
  readonly draws: Readonly<Record<string, Drawn>>
}

const MUTATION = `## What the tests notice

How many small changes of the code (a condition turned round, a call left out, another number) make a test fail. Of all that a package has, some are drawn by lot: the interval is where the share of all is, 95 times in 100 (Wilson). Sentences, tables of vendors and what runs once when a module is loaded are not changed. Tests of time, of memory and of other processes do not run, properties a hundred times each: with those it can only be more. Some changes make no difference to anybody, so that 100 % is out of reach.

What draw 1 had left was read, and answered by tests or by less code, since it was tried; draw 2 was tried after that, and nobody had seen it before.

| package | changes | draw | tried | noticed | in all |
|---|---|---|---|---|---|`

const mutationSection = (): string => {
  const figures = readFileSync(join(root, 'scripts/mutation/figures.json'), 'utf8')
  const { samples } = JSON.parse(figures) as { readonly samples: Readonly<Record<string, Sampled>> }
  const rows = Object.entries(samples)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { of, draws }]) =>
      Object.entries(draws).map(
        ([seed, { found, not, score, low, high }]) =>
          `| ${name} | ${of} | ${seed} | ${found + not} | ${score.toFixed(1)} % | ${low.toFixed(1)} to ${high.toFixed(1)} % |`,
      ),
    )
  return [MUTATION, ...rows].join('\n')
}

export const pageOf = (promises: readonly OnePromise[]): string => {
  const areas = [...new Set(promises.map(({ area }) => area))]
  const sections = areas.map((area) =>
    [
      `## ${area}`,
      '',
      '| promise | shown by | last time | broken to see |',
      '|---|---|---|---|',
      ...promises.filter((promise) => promise.area === area).map(rowOf),
    ].join('\n'),
  )
  return [HEAD, ...sections, mutationSection(), ''].join('\n\n').trimEnd() + '\n'
}
