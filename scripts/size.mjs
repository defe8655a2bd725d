// What a page ships: each public package minified and gzipped, with its dependencies but without its peers.
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { publicPackagesIn } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const measure = async (folder, external) => {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'src/index.ts')],
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
const row = (name, { minified, gzipped }) =>
  console.log(`${name.padEnd(32)}${kilobytes(minified)}${kilobytes(gzipped)}`)

console.log(`${'package'.padEnd(32)}${'min'.padStart(10)}${'min+gz'.padStart(10)}`)
const sizes = new Map()
for (const { folder, manifest } of publicPackagesIn(root)) {
  // The one-package install is the whole: nothing is left for the page to bring along.
  const external = manifest.name === 'aplomb' ? [] : Object.keys(manifest.peerDependencies ?? {})
  const size = await measure(join(root, folder), external)
  row(manifest.name, size)
  sizes.set(manifest.name, { readme: join(folder, 'README.md'), kB: Math.round(size.gzipped / 1000) })
}

const NO_MIDDLEWARE = new Set(['aplomb', '@aplomb/pipeline', '@aplomb/limits', '@aplomb/redact', '@aplomb/mock-api'])
const middlewares = [...sizes].filter(([name]) => !NO_MIDDLEWARE.has(name)).map(([, { kB }]) => kB)
const range = `${Math.min(...middlewares)} to ${Math.max(...middlewares)}`

/** What READMEs say of sizes, and what it is. */
const claims = [
  ['README.md', /`aplomb` (\S+) kB/g, sizes.get('aplomb').kB],
  ['README.md', /the pipeline (\S+) kB/g, sizes.get('@aplomb/pipeline').kB],
  ['README.md', /a single middleware (\d+ to \d+) kB/g, range],
  ...[...sizes.values()].map(({ readme, kB }) => [readme, /(\S+) kB with gzip/g, kB]),
]
for (const [readme, pattern, kB] of claims) {
  for (const [said, figure] of readFileSync(join(root, readme), 'utf8').matchAll(pattern)) {
    if (figure === String(kB)) continue
    console.error(`${readme} says "${said}": it is ${kB} kB`)
    process.exitCode = 1
  }
}
