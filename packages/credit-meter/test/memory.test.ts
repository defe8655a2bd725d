import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('what is kept of a key that was used before a thousand others takes less than 200 bytes', async () => {
  const fixture = fileURLToPath(new URL('fixtures/keys.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', fixture])
  const { bytes, spent } = JSON.parse(stdout) as { bytes: number; spent: number }
  expect(spent).toBe(3 * 33_000)
  expect(bytes).toBeLessThan(200)
}, 120_000)
