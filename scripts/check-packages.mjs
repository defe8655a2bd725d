// Packs every public package and looks at the tarballs as npm, Node and TypeScript would.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { pack, publicPackagesIn } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const packages = new Map(publicPackagesIn(root).map((entry) => [entry.manifest.name, entry]))

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
const load = async ({ folder, manifest }) => {
  const problems = []
  for (const target of Object.values(manifest.publishConfig.exports)) {
    await import(pathToFileURL(join(root, folder, target.default)).href).catch((error) =>
      problems.push(`node: ${error.message}`),
    )
  }
  return problems
}

const temporary = mkdtempSync(join(tmpdir(), 'aplomb-pack-'))
try {
  pack(root, temporary)
  for (const tarball of readdirSync(temporary)) {
    const { name, problems } = await check(join(temporary, tarball))
    problems.push(...(await load(packages.get(name))))
    console.log(`${problems.length === 0 ? '✓' : '✗'} ${name}`)
    for (const problem of problems) console.log(`    ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
