import { defineConfig } from 'vitest/config'

/** Everything: also what takes long, and what needs client libraries. */
const isLong = Boolean(process.env['LONG'])

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'docs/test/**/*.test.ts', ...(isLong ? ['tests/sdks/**/*.test.ts'] : [])],
    exclude: ['**/node_modules/**', ...(isLong ? [] : ['**/*.long.test.ts'])],
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
