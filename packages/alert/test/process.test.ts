import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('10. a sink that hangs keeps no process alive', async () => {
  const path = fileURLToPath(new URL('hanging.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', path], {
    timeout: 25_000,
  })
  expect(stdout).toBe('402\n')
})
