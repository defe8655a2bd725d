import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { step } from '../../scripts/setup.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const MANIFESTS = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']

const fingerprint = () => {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const path of MANIFESTS) hash.update(`\0${path}\0`).update(readFileSync(join(here, path)))
  return hash.digest('hex')
}

/** Installs the locked runtimes, unless those that are there came from these very manifests. */
export const install = async () => {
  const stamp = join(here, 'node_modules', '.install-stamp')
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true

  rmSync(stamp, { force: true })
  const { ok } = await step('install runtimes', 'pnpm', ['--dir', 'tests/runtimes', 'install', '--frozen-lockfile'])
  if (ok) writeFileSync(stamp, wanted)
  return ok
}
