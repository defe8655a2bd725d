import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('fixtures/keys-memory.ts', import.meta.url))
const ORIGINS = 9000

/** A hundred thousand leave less than 60 MB: each further one some 160 bytes, in the credit meter. */
const MOST_MEGABYTES = 45

test.each(['budget', 'held'])(
  'origins that have reported costs and far resets leave little: %s',
  async (name) => {
    const args = ['--expose-gc', FIXTURE, String(ORIGINS), name]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { [name]: megabytes } = JSON.parse(stdout) as Record<string, number>
    expect(megabytes).toBeGreaterThan(0)
    expect(megabytes).toBeLessThan(MOST_MEGABYTES)
  },
  120_000,
)
