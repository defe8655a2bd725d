// Writes what a release consists of, down to the last dependency, as CycloneDX (`npm sbom`): as npm resolves it for a user.
//     node scripts/sbom.mjs <version> <file>
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publicPackagesIn } from './packages.mjs'
import { root } from './setup.mjs'

const [version, file] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'aplomb-sbom-'))
const npm = (...args) =>
  execFileSync('npm', args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })

try {
  const dependencies = Object.fromEntries(publicPackagesIn(root).map(({ manifest }) => [manifest.name, version]))
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'aplomb-release', version, private: true, license: 'MIT', dependencies }),
  )
  npm('install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund')
  const bom = npm('sbom', '--package-lock-only', '--sbom-format', 'cyclonedx')
  writeFileSync(file, bom)
  console.log(`${JSON.parse(bom).components.length} components in ${file}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
