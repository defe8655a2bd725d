// `npm run docs` shows the site while it is written, `npm run docs:build` builds it. Installs what that needs, on any Node from 20 on.
import { spawn } from 'node:child_process'
import { env, install, installApart, node, root } from './setup.mjs'

const ready = (await install()) && (await installApart('site', 'docs/site'))
if (!ready) process.exitCode = 1
else {
  const site = spawn(node, ['docs/site/main.mjs', ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' })
  site.on('close', (code) => (process.exitCode = code ?? 1))
}
