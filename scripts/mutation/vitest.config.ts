import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const tests = (process.env.MUTATION_TESTS ?? '').split(',')

export default defineConfig({
  root: at('../..'),
  resolve: {
    alias: [
      // The links in node_modules lead to the packages as they are, not to the copy with the mutants.
      { find: /^@aplomb\/([a-z-]+)$/, replacement: at('../../packages') + '/$1/src/index.ts' },
      { find: 'fast-check', replacement: at('fast-check.mjs') },
    ],
  },
  test: {
    ...base.test,
    isolate: false,
    include: tests.map((folder) => `${folder}/**/*.test.ts`),
    // Time and memory over many calls, and other processes, which see no mutant.
    exclude: ['**/{memory,*-process}.test.ts', 'packages/{backoff-jitter,retry-after}/test/keys.test.ts'],
  },
})
