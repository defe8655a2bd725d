import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The packages of a workspace, by folder: `packages/<name>` and its manifest. */
export const packagesIn = (root) =>
  readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .toSorted()
    .map((name) => {
      const folder = `packages/${name}`
      return { folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }
    })

/** Those that are published. */
export const publicPackagesIn = (root) => packagesIn(root).filter(({ manifest }) => !manifest.private)

/** A dependency of the package in `folder`, as Node finds it. */
const resolve = (folder, name) => {
  const path = join(folder, 'node_modules', name)
  if (existsSync(path)) return realpathSync(path)
  if (folder === dirname(folder)) throw new Error(`${name} is not installed`)
  return resolve(dirname(folder), name)
}

/** All that the public packages depend on, and what those do: where each is installed, and its manifest. */
export const dependenciesIn = (root) => {
  const published = publicPackagesIn(root)
  const found = new Map()
  const visit = (from, { dependencies, peerDependencies, peerDependenciesMeta }) => {
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
      if (found.has(name) || published.some((one) => one.manifest.name === name)) continue
      // Nobody's package manager brings it along.
      if (peerDependenciesMeta?.[name]?.optional) continue
      const folder = resolve(from, name)
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      found.set(name, { folder, manifest })
      visit(folder, manifest)
    }
  }
  for (const { folder, manifest } of published) visit(join(root, folder), manifest)
  return [...found.values()]
}

/** Packs every public package of a workspace into a folder, as publishing does. */
export const pack = (root, destination, env = process.env) => {
  const filters = publicPackagesIn(root).flatMap(({ manifest }) => ['--filter', manifest.name])
  execFileSync('pnpm', ['--recursive', ...filters, 'pack', '--pack-destination', destination], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
}
