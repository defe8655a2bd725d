// The types of the packed packages, in an application for each runtime.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { node, root } from '../../scripts/setup.mjs'
import { denoBinary, modules } from './runtimes.mjs'

const DOM = ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable']

/** What an application has for its runtime's types. */
const SETTINGS = {
  'lib: dom': { lib: DOM, types: [] },
  '@types/node': { lib: ['ES2024'], types: ['@types/node'] },
  '@cloudflare/workers-types': { lib: ['ES2024'], types: ['@cloudflare/workers-types'] },
  'bun-types': { lib: ['ES2024'], types: ['bun-types'] },
}

const run = (command, args, cwd) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return { ok: status === 0, lines: `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '') }
}

/** Those that speak of the application or of our packages: type packages do not always agree with each other. */
const isOurs = (line) => /^(types\/|node_modules\/(@aplomb|aplomb)\/|error )/.test(line)

const compile = (folder, name, { lib, types }) => {
  const file = `tsconfig.${name.replaceAll(/\W/g, '-')}.json`
  const compilerOptions = {
    target: 'ES2024',
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    lib,
    types: types.map((one) => join(modules, one)),
  }
  writeFileSync(join(folder, file), JSON.stringify({ compilerOptions, files: ['types/app.ts'] }))
  const { lines } = run(node, [join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false', '-p', file], folder)
  return { check: name, problems: lines.filter(isOurs) }
}

export const typeChecks = async (folder) => {
  const results = Object.entries(SETTINGS).map(([name, setting]) => compile(folder, name, setting))
  const { ok, lines } = run(denoBinary, ['check', '--node-modules-dir=manual', '--no-remote', 'types/app.ts'], folder)
  return [...results, { check: 'deno check', problems: ok ? [] : lines }]
}
