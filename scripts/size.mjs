// What a page ships: each public package minified and gzipped, with its dependencies but without its peers; and each
// middleware with `createFetch` and all that it needs.
//     node scripts/size.mjs [--write]
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { row as cells, setTable } from './footprint.mjs'
import { publicPackagesIn } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const measure = async (input, external = []) => {
  const { outputFiles } = await build({
    ...input,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    external: ['node:*', ...external],
    logLevel: 'error',
  })
  const [{ contents }] = outputFiles
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length }
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(2)} kB`.padStart(10)
/** Of the table in the docs, in whole kilobytes: smaller changes need no new one. */
const rows = [cells('what', 'minified, with gzip'), cells('---', '--:')]

const row = (name, { minified, gzipped }, more = '') => {
  console.log(`${name.padEnd(32)}${kilobytes(minified)}${kilobytes(gzipped)}${more}`)
  rows.push(cells(`\`${name}\``, `${Math.round(gzipped / 1000)} kB`))
}

console.log(`${'package'.padEnd(32)}${'min'.padStart(10)}${'min+gz'.padStart(10)}`)
const sizes = new Map()
for (const { folder, manifest } of publicPackagesIn(root)) {
  // The one-package install is the whole: nothing is left for the page to bring along.
  const external = manifest.name === 'aplomb' ? [] : Object.keys(manifest.peerDependencies ?? {})
  const size = await measure({ entryPoints: [join(root, folder, 'src/index.ts')] }, external)
  row(manifest.name, size)
  for (const [path, source] of Object.entries(manifest.exports)) {
    // What needs Node is no page's.
    if (path === '.' || path === './server') continue
    row(manifest.name + path.slice(1), await measure({ entryPoints: [join(root, folder, source)] }, external))
  }
  sizes.set(manifest.name, { readme: join(folder, 'README.md'), kB: Math.round(size.gzipped / 1000) })
}

/** Middlewares with `createFetch`, and how many kilobytes a page may ship for one: what is reached, so that it does not grow. */
const CEILINGS = [
  ['@aplomb/retry-after', 'retryAfter', 29],
  ['@aplomb/backoff-jitter', 'backoffJitter', 19],
  ['@aplomb/concurrency-gate', 'concurrencyGate', 31.75],
  ['@aplomb/credit-meter', 'creditMeter', 32],
  ['@aplomb/log', 'log', 30.75],
  ['@aplomb/limits', 'readHeaders', 24],
  ['@aplomb/classify', 'classify', 49.5],
]
console.log(`\n${'with createFetch'.padEnd(32)}${'min'.padStart(10)}${'min+gz'.padStart(10)}${'at most'.padStart(10)}`)
const { gzipped: alone } = await measure({
  stdin: { contents: `export { createFetch } from '@aplomb/pipeline'`, resolveDir: join(root, 'docs') },
})
const together = []
for (const [name, factory, most] of CEILINGS) {
  const contents = `export { ${factory} } from '${name}'; export { createFetch } from '@aplomb/pipeline'`
  const size = await measure({ stdin: { contents, resolveDir: join(root, 'docs') } })
  row(`createFetch + ${factory}`, size, kilobytes(most * 1000))
  together.push(Math.round(size.gzipped / 1000))
  if (size.gzipped <= most * 1000) continue
  console.error(`${factory} with createFetch has ${size.gzipped} bytes, more than ${most} kB`)
  process.exitCode = 1
}

const range = `${Math.min(...together)} to ${Math.max(...together)}`

/** What READMEs say of sizes, and what it is. */
const claims = [
  ['README.md', /`aplomb` (\S+) kB/g, sizes.get('aplomb').kB],
  ['README.md', /`createFetch` (\S+) kB/g, Math.round(alone / 1000)],
  ['README.md', /a single middleware in it (\d+ to \d+) kB/g, range],
  ...[...sizes.values()].map(({ readme, kB }) => [readme, /(\S+) kB with gzip/g, kB]),
]
for (const [readme, pattern, kB] of claims) {
  for (const [said, figure] of readFileSync(join(root, readme), 'utf8').matchAll(pattern)) {
    if (figure === String(kB)) continue
    console.error(`${readme} says "${said}": it is ${kB} kB`)
    process.exitCode = 1
  }
}
const stale = setTable('sizes', rows, process.argv.includes('--write'))
if (stale) {
  console.error(stale)
  process.exitCode = 1
}
