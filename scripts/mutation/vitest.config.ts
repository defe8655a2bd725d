import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import base from '../../vitest.config.ts'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const tests = (process.env.MUTATION_TESTS ?? '').split(',')

/** The first test that fails ends the run of a mutant: what takes longest comes last. */
class ShortFirst extends BaseSequencer {
  async sort(files) {
    const durationOf = (file) => this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0
    return files.toSorted((a, b) => durationOf(a) - durationOf(b))
  }
}

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
    // Its clock is one for all that use the module: what one file of tests has done to it is seen in the next.
    isolate: tests[0] === 'packages/pipeline/test',
    sequence: { sequencer: ShortFirst },
    setupFiles: [at('skip-slow.ts')],
    include: tests.map((folder) => `${folder}/**/*.test.ts`),
    // Time and memory over many calls, and other processes, which see no mutant.
    exclude: ['**/{memory,*-process}.test.ts', 'packages/{backoff-jitter,retry-after}/test/keys.test.ts'],
  },
})
