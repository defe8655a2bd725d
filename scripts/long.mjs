// `npm run test:long`: what takes long, and what needs client libraries, with types and lint. Arguments are vitest's, such as part of a path.
import { spawn } from 'node:child_process'
import { checkSdks, env, install, installApart, node, root } from './setup.mjs'

const ready = (await install()) && (await installApart('tests/sdks')) && (await checkSdks())
if (!ready) process.exitCode = 1
else {
  const given = process.argv.slice(2)
  const tests = spawn(
    node,
    ['node_modules/vitest/vitest.mjs', 'run', ...(given.length > 0 ? given : ['.long.', 'tests/sdks'])],
    { cwd: root, env: { ...env, LONG: '1' }, stdio: 'inherit' },
  )
  tests.on('close', (code) => (process.exitCode = code ?? 1))
}
