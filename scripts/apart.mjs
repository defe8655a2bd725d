// Runs a program of a folder that is a workspace of its own, once that is installed, on any Node from 20 on:
//     node scripts/apart.mjs docs/site main.mjs build
import { spawn } from 'node:child_process'
import { env, install, installApart, node, root } from './setup.mjs'

const [folder, program, ...args] = process.argv.slice(2)
const ready = (await install()) && (await installApart(folder))
if (!ready) process.exitCode = 1
else {
  const job = spawn(node, [`${folder}/${program}`, ...args], { cwd: root, env, stdio: 'inherit' })
  job.on('close', (code) => (process.exitCode = code ?? 1))
}
