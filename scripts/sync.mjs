// Writes the lists that must name every package, and the tables of all vendors. docs/test/house.test.ts fails when they are out of date.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
  'tests/sdks/tsconfig.json': {
    ...read('tests/sdks/tsconfig.json'),
    references: references.map(({ path }) => ({ path: `../../${path}` })),
  },
  'tests/sdks/package.json': {
    ...read('tests/sdks/package.json'),
    dependencies: Object.fromEntries(
      publicPackagesIn(root).map(({ folder, manifest }) => [manifest.name, `link:../../${folder}`]),
    ),
  },
  'docs/package.json': {
    ...docs,
    dependencies: Object.fromEntries([...names.map((name) => [name, 'workspace:^']), ...others]),
  },
}

const VENDORS = 'packages/limits/src/vendors'

const byName = (a, b) => (a < b ? -1 : 1)

/** One table of each sort of knowledge, from the files of all vendors. Unused ones are dropped by bundlers. */
const vendorTables = () => {
  const files = readdirSync(join(root, VENDORS)).filter((file) => file !== 'index.ts')
  const vendors = files.toSorted(byName).map((file) => ({
    file,
    name: file.replace(/\.ts$/, '').replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase()),
    tables: [...readFileSync(join(root, VENDORS, file), 'utf8').matchAll(/^export const (\w+): readonly (\w+)\[\]/gm)],
  }))
  const types = new Map(vendors.flatMap(({ tables }) => tables.map(([, table, type]) => [table, type])))
  const rows = [...new Set(types.values())].filter((type) => type.endsWith('Row')).toSorted(byName)
  const tables = [...types]
    .toSorted(([a], [b]) => byName(a, b))
    .map(([table, type]) => {
      const parts = vendors
        .filter((one) => one.tables.some(([, own]) => own === table))
        .map(({ name }) => `${name}.${table}`)
      const all = parts.length > 1 ? `/* @__PURE__ */ [${parts.join(', ')}].flat()` : parts[0]
      return `export const ${table}: readonly ${type}[] = ${all}`
    })
  return [
    '// Written by `npm run sync`, from the files beside it.',
    `import type { ${rows.join(', ')} } from '../vendor.ts'`,
    ...vendors.map(({ file, name }) => `import * as ${name} from './${file}'`),
    '',
    ...tables,
    '',
  ].join('\n')
}

const texts = { [`${VENDORS}/index.ts`]: vendorTables() }
const plain = (code) => code.replaceAll(/[\s,;]/g, '')

const stale = [
  ...Object.entries(wanted)
    .filter(
      ([path, content]) => !existsSync(join(root, path)) || JSON.stringify(read(path)) !== JSON.stringify(content),
    )
    .map(([path, content]) => [path, JSON.stringify(content, null, 2)]),
  ...Object.entries(texts).filter(
    ([path, text]) => !existsSync(join(root, path)) || plain(readFileSync(join(root, path), 'utf8')) !== plain(text),
  ),
]
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.log(`${path} is out of date: npm run sync`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else if (stale.length > 0) {
  const paths = stale.map(([path]) => path)
  for (const [path, text] of stale) writeFileSync(join(root, path), text)
  const formatter = join(root, 'node_modules/.bin/oxfmt')
  if (existsSync(formatter)) execFileSync(formatter, paths, { cwd: root, shell: process.platform === 'win32' })
  console.log(`wrote ${paths.join(', ')}`)
}
