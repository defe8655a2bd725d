import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

it('the entry can be bundled for a browser: it imports nothing of Node', async () => {
  const entry = fileURLToPath(new URL('../../src/explain/index.ts', import.meta.url))
  const { metafile, errors } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  expect(errors).toEqual([])
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  expect(imports.map(({ path }) => path)).toEqual([])
})
