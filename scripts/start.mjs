import { spawn } from 'node:child_process'
import { env, installDemo, node, root } from './setup.mjs'

if (!(await installDemo())) process.exit(1)

const job = spawn(node, ['packages/bench/src/main-job/main.ts', ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
})
// Ctrl-C reaches the job by itself; staying alive until it has ended keeps its last words above the prompt.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => job.kill('SIGTERM'))
job.on('exit', (code) => {
  process.exitCode = code ?? 1
})
