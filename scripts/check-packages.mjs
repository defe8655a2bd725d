// Packs every public package and looks at the tarballs as npm, Node and TypeScript would.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { dependenciesIn, pack, publicPackagesIn } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const packages = new Map(publicPackagesIn(root).map((entry) => [entry.manifest.name, entry]))

// The packages are ESM only, so how they resolve for CommonJS and for Node 10 is not a promise they make.
const promised = ({ resolutionKind, resolutionOption }) =>
  (resolutionKind === undefined || ['node16-esm', 'bundler'].includes(resolutionKind)) && resolutionOption !== 'node10'

/** Scripts that run on the machine of whoever installs a package. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']

/** Licences that ask for nothing but their own text. */
const LICENCES = new Set(['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'])

const runsOnInstall = ({ scripts = {} }, hasFile) => {
  const names = INSTALL_SCRIPTS.filter((name) => name in scripts)
  // npm makes an install script of it.
  return hasFile('binding.gyp') ? [...names, 'binding.gyp'] : names
}

/** What comes along with ours: nothing runs on install, and nobody has to ask a lawyer. */
const checkDependency = ({ folder, manifest }) => {
  const problems = runsOnInstall(manifest, (file) => existsSync(join(folder, file))).map((name) => `runs ${name}`)
  const licensed = LICENCES.has(manifest.license)
  return licensed ? problems : [...problems, `has the licence ${JSON.stringify(manifest.license)}`]
}

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
  problems.push(...runsOnInstall(manifest, (file) => contents.fileExists(inside(file))).map((name) => `runs ${name}`))
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
  const dependencies = dependenciesIn(root)
  const problems = dependencies.flatMap((one) => checkDependency(one).map((what) => `${one.manifest.name} ${what}`))
  console.log(`${problems.length === 0 ? '✓' : '✗'} ${dependencies.length} dependencies: licences, install scripts`)
  for (const problem of problems) console.log(`    ${problem}`)
  if (problems.length > 0) process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
