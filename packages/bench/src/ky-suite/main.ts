// Runs ky's own test suite twice: as it is, and with the pipeline as ky's `fetch`.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { EXPECTED, LEFT_OUT } from './expected.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: 'https://github.com/sindresorhus/ky.git' },
    tag: { type: 'string', multiple: true, default: ['v1.14.3', 'v2.1.0'] },
    runs: { type: 'string', default: '1' },
    match: { type: 'string', default: '*' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`Runs ky's own test suite over bare fetch, and with the pipeline as ky's fetch.

  --from URL    ky's repository (${values.from}), or a clone of it
  --tag NAME    a tag or commit, several times for several (${values.tag.join(', ')})
  --runs N      runs of each, a test passes if it does in one of them: some have time limits (${values.runs})
  --match TEXT  tests whose titles match, as in AVA
  --keep        leaves the clone in place`)
  process.exit(0)
}

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

/** What its tests do not need: its linter, its releaser, its coverage. */
const UNNEEDED = /^(xo|np|nyc|del-cli)$/

const FETCH = 'fetch: options.fetch ?? globalThis.fetch.bind(globalThis)'
const MOUNTED =
  'fetch: (globalThis as any).mountFetch?.(options.fetch ?? globalThis.fetch.bind(globalThis)) ?? options.fetch ?? globalThis.fetch.bind(globalThis)'

const prepare = (tag: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ky-suite-'))
  run('git', ['clone', '--quiet', values.from, folder], tmpdir())
  run('git', ['checkout', '--quiet', tag], folder)
  const path = join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
    devDependencies: Record<string, string>
    scripts: unknown
  }
  const needed = Object.entries(manifest.devDependencies).filter(([name]) => !UNNEEDED.test(name))
  manifest.devDependencies = Object.fromEntries(needed)
  manifest.scripts = {}
  writeFileSync(path, JSON.stringify(manifest))
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], folder)
  const source = join(folder, 'source/core/Ky.ts')
  const text = readFileSync(source, 'utf8')
  if (!text.includes(FETCH)) throw new Error(`${tag}: ky gets its fetch in another way than the patch expects`)
  writeFileSync(source, text.replace(FETCH, MOUNTED))
  return folder
}

/** Titles with whether they passed. */
const results = (folder: string, mounted: boolean): Map<string, boolean> => {
  const all = Array.from({ length: Number(values.runs) }, () => runOnce(folder, mounted))
  const titles = new Set(all.flatMap((one) => [...one.keys()]))
  return new Map([...titles].map((title) => [title, all.some((one) => one.get(title))]))
}

/** Those for browsers are left out, they need one. */
const runOnce = (folder: string, mounted: boolean): Map<string, boolean> => {
  const mount = pathToFileURL(fileURLToPath(new URL('mount.ts', import.meta.url))).href
  const files = readdirSync(join(folder, 'test')).filter(
    (name) => name.endsWith('.ts') && !/browser|with-page/.test(name),
  )
  const args = [
    'node_modules/ava/entrypoints/cli.mjs',
    '--tap',
    '--timeout=2m',
    '--concurrency=1',
    // Side by side they would be late for each other's time limits.
    '--serial',
    '--match',
    values.match,
    '--match',
    `!${LEFT_OUT.title}`,
  ]
  const { stdout } = spawnSync(process.execPath, [...args, ...files.map((name) => `test/${name}`)], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, CI: 'true', NODE_OPTIONS: mounted ? `--import=${mount}` : '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const found = new Map<string, boolean>()
  for (const [, not, title = '', note = ''] of stdout.matchAll(/^(not )?ok \d+ - (.*?)( # (?:SKIP|TODO).*)?$/gm))
    if (!note) found.set(title, !not)
  return found
}

let failed = false
for (const tag of values.tag) {
  const folder = prepare(tag)
  try {
    const bare = results(folder, false)
    const mounted = results(folder, true)
    const lost = [...bare].filter(([title, passed]) => passed && mounted.get(title) !== true).map(([title]) => title)
    const count = (of: Map<string, boolean>): number => [...of.values()].filter(Boolean).length
    console.log(
      `${tag}: ${bare.size} tests; ${count(bare)} pass over bare fetch, ${count(mounted)} with the pipeline as ky's fetch`,
    )
    console.log(`  left out: ${LEFT_OUT.title} (${LEFT_OUT.reason})`)
    for (const [title, passed] of bare) if (!passed) console.log(`  fails over bare fetch: ${title}`)
    for (const title of lost) {
      const reason = EXPECTED.find((one) => title.endsWith(one.title))?.reason
      console.log(`  ${reason ? 'expected' : 'NOT EXPECTED'}: ${title}${reason ? ` (${reason})` : ''}`)
      failed ||= !reason
    }
    failed ||= bare.size === 0
  } finally {
    if (values.keep) console.log(`  kept in ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}
process.exitCode = failed ? 1 : 0
