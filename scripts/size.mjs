// What a page ships: each public package minified and gzipped, with its dependencies but without its peers.
import { build } from 'esbuild'
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
for (const { folder, manifest } of publicPackagesIn(root)) {
  // The one-package install is the whole: nothing is left for the page to bring along.
  const external = manifest.name === 'aplomb' ? [] : Object.keys(manifest.peerDependencies ?? {})
  row(manifest.name, await measure(join(root, folder), external))
}
