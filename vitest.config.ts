import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'docs/test/**/*.test.ts'],
    allowOnly: false,
    // Of two cores, vitest would leave one idle.
    maxWorkers: '100%',
    pool: 'threads',
    // What hangs is found all the same; a busy machine is no failure.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A mock or a fake clock that outlives its test would make the next one lie.
    restoreMocks: true,
    unstubGlobals: true,
  },
})
