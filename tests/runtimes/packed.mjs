// What is under test: the packages as they are published, in a node_modules of their own.
import { build } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pack, publicPackagesIn } from '../../scripts/packages.mjs'
import { env, root } from '../../scripts/setup.mjs'
import { packages } from './checks/packages.js'

const here = fileURLToPath(new URL('.', import.meta.url))

const link = (target, path) => {
  if (existsSync(path)) {
    if (realpathSync(path) !== target) throw new Error(`${path}: two packages depend on different versions`)
    return
  }
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path, 'junction')
}

/** Only what the manifests name is there: an import of anything else fails. */
const fill = (modules, tarballs) => {
  const published = publicPackagesIn(root)
  for (const { manifest } of published) {
    const into = join(modules, manifest.name)
    mkdirSync(into, { recursive: true })
    execFileSync('tar', ['-xzf', tarballOf(manifest), '-C', into, '--strip-components=1'], { cwd: tarballs })
  }
  for (const { folder, manifest } of published) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (published.some((other) => other.manifest.name === name)) continue
      link(realpathSync(join(root, folder, 'node_modules', name)), join(modules, name))
    }
  }
}

/** As `pnpm pack` names it. */
const tarballOf = ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`

/** A package that nobody has added to the list would go untested. */
const checkList = () => {
  const wanted = publicPackagesIn(root).flatMap(({ manifest: { name, publishConfig } }) =>
    Object.keys(publishConfig.exports).map((path) => name + path.slice(1)),
  )
  const missing = wanted.filter((name) => !Object.hasOwn(packages, name))
  if (missing.length > 0) throw new Error(`checks/packages.js does not list ${missing.join(', ')}`)
}

/** A folder with the packed packages and the checks in it. */
export const unpack = () => {
  checkList()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'aplomb-runtimes-')))
  const tarballs = join(folder, 'tarballs')
  pack(root, tarballs, env)
  fill(join(folder, 'node_modules'), tarballs)
  cpSync(join(here, 'checks'), join(folder, 'checks'), { recursive: true })
  cpSync(join(here, 'types'), join(folder, 'types'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  return folder
}

/** One file of an entry and all that it imports, as a bundler makes it for a page or a worker. */
export const bundle = async (folder, entry, options) => {
  const outfile = join(folder, `${entry}.bundle.js`)
  await build({
    entryPoints: [join(folder, 'checks', `${entry}.js`)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    // A server that is not loaded there.
    external: ['@aplomb/mock-api/server'],
    logLevel: 'error',
    ...options,
  })
  return outfile
}
