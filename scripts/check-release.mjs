// Releases a copy of the workspace's manifests, packs it, and plans the release after that one: always all public packages, under one version.
// The copy is a git repository of its own, so that neither the branch nor the depth of the checkout matters; it needs git, but no network.
import { createPackageFromTarballData } from '@arethetypeswrong/core'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pack, packagesIn, publicPackagesIn } from './packages.mjs'
import { env, root } from './setup.mjs'

const copy = mkdtempSync(join(tmpdir(), 'aplomb-release-'))
const read = (path) => readFileSync(join(copy, path), 'utf8')

const isolated = {
  // A git hook that runs this has variables which point git at the real repository.
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_'))),
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: '1',
  npm_config_offline: 'true',
}

const run = (command, ...args) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: copy,
    env: isolated,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error ?? stdout + stderr}`)
}

const RELEASED = ['.changeset', '.oxfmtrc.json', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']

const makeCopy = () => {
  const folders = packagesIn(root).map(({ folder }) => folder)
  const manifests = ['docs', ...folders].flatMap((folder) => [`${folder}/package.json`, `${folder}/CHANGELOG.md`])
  for (const path of [...RELEASED, ...manifests]) {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(copy, path), { recursive: true })
  }

  // pnpm resolves `workspace:` ranges by what is installed.
  const folderOf = new Map(packagesIn(copy).map(({ folder, manifest }) => [manifest.name, join(copy, folder)]))
  for (const { folder, manifest } of publicPackagesIn(copy)) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!folderOf.has(name)) continue
      const link = join(copy, folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(folderOf.get(name), link, 'junction')
    }
  }

  run('git', 'init', '--quiet', '--initial-branch=main')
  run('git', '-c', 'user.name=release', '-c', 'user.email=release', 'commit', '--allow-empty', '--message=empty')
}

const BUMPS = ['none', 'patch', 'minor', 'major']
const highest = (types) => BUMPS.findLast((type) => types.includes(type))

/** Plans a release of what is pending and of a change of one package, the one that most others have as their peer. */
const plan = () => {
  writeFileSync(join(copy, '.changeset/trial.md'), "---\n'@aplomb/pipeline': minor\n---\n\nA trial.\n")
  run('changeset', 'status', '--output', 'plan.json')
  const { changesets, releases } = JSON.parse(read('plan.json'))
  const asked = highest(changesets.flatMap((changeset) => changeset.releases.map(({ type }) => type)))
  const { newVersion: version } = releases[0]

  const problems = []
  for (const { manifest } of publicPackagesIn(copy)) {
    const { type, newVersion } = releases.find(({ name }) => name === manifest.name) ?? {}
    if (type !== asked || newVersion !== version)
      problems.push(`${manifest.name} is planned as ${type} ${newVersion}, not as ${asked} ${version}`)
  }
  return { version, problems }
}

/** Makes the release that was planned. */
const release = (version) => {
  run('pnpm', 'run', 'release:version')
  const problems = []
  for (const { folder, manifest } of publicPackagesIn(copy)) {
    const changelog = `${folder}/CHANGELOG.md`
    if (manifest.version !== version) problems.push(`${manifest.name} is ${manifest.version}, not ${version}`)
    if (!existsSync(join(copy, changelog)) || !read(changelog).includes(`\n## ${version}\n`))
      problems.push(`${changelog} says nothing of ${version}`)
  }
  return problems
}

/** What the tarballs say of themselves and of each other. */
const checkTarballs = (version) => {
  const tarballs = join(copy, 'tarballs')
  pack(copy, tarballs, isolated)
  const packed = new Map()
  for (const file of readdirSync(tarballs)) {
    const contents = createPackageFromTarballData(new Uint8Array(readFileSync(join(tarballs, file))))
    const manifest = contents.readFile(`/node_modules/${contents.packageName}/package.json`)
    packed.set(contents.packageName, JSON.parse(manifest))
  }

  const names = new Set(packagesIn(copy).map(({ manifest }) => manifest.name))
  const problems = []
  for (const { manifest } of publicPackagesIn(copy)) {
    const { version: packedVersion, ...fields } = packed.get(manifest.name) ?? {}
    if (packedVersion !== version) problems.push(`${manifest.name} is packed as ${packedVersion}, not ${version}`)
    for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies']) {
      for (const [name, range] of Object.entries(fields[field] ?? {})) {
        if (names.has(name) && range !== `^${version}`)
          problems.push(`${manifest.name} is packed with ${field}.${name} "${range}", not "^${version}"`)
      }
    }
  }
  return problems
}

try {
  makeCopy()
  const first = plan()
  const released = [...release(first.version), ...checkTarballs(first.version)]
  const second = plan()
  const problems = [...first.problems, ...released, ...second.problems]
  console.log(`${problems.length === 0 ? '✓' : '✗'} ${first.version}, then ${second.version}`)
  for (const problem of problems) console.log(`    ${problem}`)
  if (problems.length > 0) process.exitCode = 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
