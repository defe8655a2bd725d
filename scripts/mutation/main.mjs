// Installs what mutation tests need, then runs them (run.mjs).
import { spawnSync } from 'node:child_process'
import { env, install, installApart, node, root } from '../setup.mjs'

const ready = (await install()) && (await installApart('scripts/mutation'))
if (!ready) process.exit(1)
const { status } = spawnSync(node, ['scripts/mutation/run.mjs', ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
