// Packs every public package and looks at the tarballs as npm, Node and TypeScript would.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = fileURLToPath(new URL('..', import.meta.url))

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const folders = new Map()
for (const entry of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', entry)
  if (!existsSync(join(folder, 'package.json'))) continue
  const { name, private: isPrivate } = manifestOf(folder)
  if (!isPrivate) folders.set(name, folder)
}

// The packages are ESM only, so how they resolve for CommonJS and for Node 10 is not a promise they make.
const promised = ({ resolutionKind, resolutionOption }) =>
  (resolutionKind === undefined || ['node16-esm', 'bundler'].includes(resolutionKind)) && resolutionOption !== 'node10'

const check = async (tarball) => {
  const bytes = readFileSync(tarball)
  const contents = createPackageFromTarballData(new Uint8Array(bytes))
  const inside = (path) => `/node_modules/${contents.packageName}/${path}`
  const manifest = JSON.parse(contents.readFile(inside('package.json')))
  const problems = []

  for (const file of ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']) {
    if (!contents.fileExists(inside(file))) problems.push(`${file} is not in the tarball`)
  }
  for (const file of contents.listFiles(inside('dist')).filter((path) => path.endsWith('.js'))) {
    const source = file.replace('/dist/', '/src/').replace(/\.js$/, '.ts')
    if (!contents.fileExists(source)) problems.push(`${file} is left over from a source that is gone: delete dist`)
  }
  for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies']) {
    for (const [name, range] of Object.entries(manifest[field] ?? {})) {
      if (/^(workspace|link|file|catalog):/.test(range)) problems.push(`${field}.${name} is "${range}"`)
    }
  }

  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
  problems.push(...messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`))

  const analysis = await checkPackage(contents)
  if (analysis.types === false) problems.push('attw: no types')
  else
    problems.push(
      ...analysis.problems.filter(promised).map(({ trace: _trace, ...problem }) => `attw: ${JSON.stringify(problem)}`),
    )

  return { name: contents.packageName, problems }
}

/** Loads what was built with plain Node: a specifier that only TypeScript can resolve would fail here. */
const load = async (folder) => {
  const { exports } = manifestOf(folder).publishConfig
  const problems = []
  for (const target of Object.values(exports)) {
    await import(pathToFileURL(join(folder, target.default)).href).catch((error) =>
      problems.push(`node: ${error.message}`),
    )
  }
  return problems
}

const temporary = mkdtempSync(join(tmpdir(), 'aplomb-pack-'))
try {
  const filters = [...folders.keys()].flatMap((name) => ['--filter', name])
  execFileSync('pnpm', ['--recursive', ...filters, 'pack', '--pack-destination', temporary], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  for (const tarball of readdirSync(temporary)) {
    const { name, problems } = await check(join(temporary, tarball))
    problems.push(...(await load(folders.get(name))))
    console.log(`${problems.length === 0 ? '✓' : '✗'} ${name}`)
    for (const problem of problems) console.log(`    ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
