import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Block, blocksOf } from '../../docs/test/markdown.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = 'tests/sdks/.snippets'
/** What hangs is found all the same; a busy machine is no failure. */
const limitMs = 60_000

const inRepository = (pattern: string): string[] =>
  globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', `${folder}/**`, 'docs/site/**'] }).map((path) =>
    path.split(sep).join('/'),
  )

interface Snippet extends Block {
  /** Where a reader finds it. */
  readonly title: string
  readonly page: string
  /** Where the compiler and Node find it. */
  readonly path: string
}

const snippetsOf = (page: string): Snippet[] => {
  const snippets: Snippet[] = []
  for (const block of blocksOf(readFileSync(join(root, page), 'utf8'), page)) {
    const path = `${folder}/${page.replace(/\.md$/, '')}/${block.line}.${block.extension}`
    snippets.push({ ...block, page, path, title: `${page}:${block.line}` })
  }
  return snippets
}

const pages = ['README.md', 'packages/*/README.md', 'docs/**/*.md'].flatMap(inRepository).toSorted()
const snippets = pages.flatMap(snippetsOf).filter(({ check }) => check)
const examples = inRepository('docs/examples/*.ts').map((path) => ({
  title: path,
  page: path,
  path,
  run: true,
  output: undefined,
}))

interface Outcome {
  readonly failed: boolean
  readonly printed: string
  /** With what it says on stderr. */
  readonly output: string
}

const run = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> =>
  new Promise((resolve) => {
    const options = { cwd: root, env, timeout: limitMs, killSignal: 'SIGKILL' } as const
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const late = error?.killed === true ? `still running after ${limitMs / 1000} s\n` : ''
      resolve({ failed: error !== null, printed: stdout, output: late + stdout + stderr })
    })
  })

/** Runs a module with no network, and with placeholders for keys as all that it finds in its environment. */
const runOffline = (path: string): Promise<Outcome> => {
  const key = 'demo-key'
  const { SystemRoot } = process.env // Windows cannot open a socket without it.
  const env = { SystemRoot, API_KEY: key, OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key, STRIPE_SECRET_KEY: key }
  const preload = pathToFileURL(join(root, 'tests/sdks/preload.ts')).href
  return run(['--disable-warning=ExperimentalWarning', '--import', preload, join(root, path)], env)
}

const compilerOptions = {
  types: ['node'],
  composite: false,
  tsBuildInfoFile: null,
  declaration: false,
  declarationMap: false,
  isolatedDeclarations: false,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  moduleDetection: 'force',
}

/** Type-checks all snippets in one go; resolves to the messages of each by its path. */
const compile = async (): Promise<ReadonlyMap<string, readonly string[]>> => {
  rmSync(join(root, folder), { recursive: true, force: true })
  mkdirSync(join(root, folder))
  for (const { path, line, code } of snippets) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    // Blank lines in front keep the line numbers those of the page.
    writeFileSync(join(root, path), '\n'.repeat(line) + code)
  }
  const config = {
    extends: '../../../tsconfig.base.json',
    compilerOptions,
    files: snippets.map(({ path }) => join(root, path)),
  }
  writeFileSync(join(root, folder, 'tsconfig.json'), JSON.stringify(config))

  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { output } = await run([tsc, '-p', folder, '--pretty', 'false'], process.env)
  const messages = new Map<string, string[]>()
  for (const message of output.trim().split(/\n(?=\S)/)) {
    const [, path] = /^(.+?)\(\d+,\d+\): error /.exec(message) ?? []
    // Errors in the packages' own sources are the build's to report; one without a file means a broken set-up.
    if (path === undefined && message !== '') throw new Error(message)
    if (path !== undefined) messages.set(path, [...(messages.get(path) ?? []), message])
  }
  return messages
}

describe.concurrent('every code block and example holds:', () => {
  let messages: Awaited<ReturnType<typeof compile>>

  beforeAll(async () => {
    messages = await compile()
  }, 60_000)

  it.each([...snippets, ...examples])('$title', { timeout: limitMs + 5000 }, async (snippet) => {
    const { path, page, run: runs } = snippet
    const onPage = (text: string): string =>
      [pathToFileURL(join(root, path)).href, join(root, path), path].reduce(
        (out, name) => out.replaceAll(name, page),
        text,
      )
    expect(onPage((messages.get(path) ?? []).join('\n'))).toBe('')
    if (!runs) return
    const { failed, output, printed } = await runOffline(path)
    expect(failed, onPage(output)).toBe(false)
    if (snippet.output !== undefined) expect(printed.trimEnd()).toBe(snippet.output)
  })
})
