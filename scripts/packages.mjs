import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

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
