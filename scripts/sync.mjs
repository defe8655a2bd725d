// Writes the lists that must name every package. docs/test/house.test.ts fails when they are out of date.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packagesIn, publicPackagesIn } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))

const names = publicPackagesIn(root).map(({ manifest }) => manifest.name)
const references = packagesIn(root).map(({ folder }) => ({ path: folder }))

const docs = read('docs/package.json')
const others = Object.entries(docs.dependencies ?? {}).filter(([, range]) => !range.startsWith('workspace:'))

const wanted = {
  'tsconfig.json': { files: [], references: [...references, { path: './tsconfig.test.json' }] },
  'tsconfig.test.json': { ...read('tsconfig.test.json'), references },
  // Not a glob: a private package without a version in the group stops every release.
  '.changeset/config.json': { ...read('.changeset/config.json'), fixed: [names] },
  'docs/package.json': {
    ...docs,
    dependencies: Object.fromEntries([...names.map((name) => [name, 'workspace:^']), ...others]),
  },
}

const stale = Object.entries(wanted).filter(
  ([path, content]) => !existsSync(join(root, path)) || JSON.stringify(read(path)) !== JSON.stringify(content),
)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.log(`${path} is out of date: npm run sync`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else if (stale.length > 0) {
  const paths = stale.map(([path]) => path)
  for (const [path, content] of stale) writeFileSync(join(root, path), JSON.stringify(content, null, 2))
  const formatter = join(root, 'node_modules/.bin/oxfmt')
  if (existsSync(formatter)) execFileSync(formatter, paths, { cwd: root, shell: process.platform === 'win32' })
  console.log(`wrote ${paths.join(', ')}`)
}
