import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('fixtures/memory.ts', import.meta.url))

test('a call that waits costs the queue less than a kilobyte, and less than seven with all that belongs to the call', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', FIXTURE])
  const bytes = JSON.parse(stdout) as { entry: number; call: number; queued: number }
  expect(bytes.queued).toBe(21_000)
  expect(bytes.entry).toBeLessThan(1000)
  expect(bytes.call).toBeLessThan(7000)
})
