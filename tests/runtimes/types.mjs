// The types of the packed packages, in an application for each runtime.
import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { node, root } from '../../scripts/setup.mjs'
import { installFromRegistry } from './registry.mjs'
import { denoBinary, modules, oldestNode } from './runtimes.mjs'

const DOM = ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable']

/** What an application has for its runtime's types. */
const SETTINGS = {
  'lib: dom': { lib: DOM, types: [] },
  '@types/node': { lib: ['ES2024'], types: ['@types/node'] },
  '@cloudflare/workers-types': { lib: ['ES2024'], types: ['@cloudflare/workers-types'] },
  'bun-types': { lib: ['ES2024'], types: ['bun-types'] },
}

/** The compilers that an application may have. */
const COMPILERS = {
  'TypeScript 5.9': join(modules, 'typescript-5.9/bin/tsc'),
  'TypeScript 6': join(modules, 'typescript-6/bin/tsc'),
  'TypeScript 7': join(root, 'node_modules/typescript/bin/tsc'),
}

/** Not our parts: what it exports is to be named without them. */
const DEPENDENCIES = ['aplomb', '@aplomb/alert', '@aplomb/mock-api', '@aplomb/otel', '@opentelemetry/api']

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

const STRICT = {
  target: 'ES2024',
  module: 'NodeNext',
  strict: true,
  exactOptionalPropertyTypes: true,
}

/** Compiles an application; gives the lines that it is told of. Not in a `tsconfig.json`: Deno would read that. */
const compile = (folder, tsc, options, files) => {
  writeFileSync(
    join(folder, 'tsconfig.app.json'),
    JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files }),
  )
  return run(node, [tsc, '--pretty', 'false', '-p', 'tsconfig.app.json'], folder).lines
}

const withTypesOf = (folder, name, { lib, types }) => {
  const options = { noEmit: true, lib, types: types.map((one) => join(modules, one)) }
  const lines = compile(folder, COMPILERS['TypeScript 7'], options, ['types/app.ts', 'types/application/handling.ts'])
  return { check: name, problems: lines.filter(isOurs) }
}

/** An application that was installed, its own declarations written, with each compiler. */
const declarations = async (folder) => {
  const dependencies = Object.fromEntries(DEPENDENCIES.map((name) => [name, '*']))
  const tarballs = join(folder, 'tarballs')
  const installed = await installFromRegistry(tarballs, dependencies, join(folder, 'applications'))
  const options = {
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: 'types',
    outDir: 'dist',
    lib: DOM,
    types: [],
  }
  return installed.flatMap(({ installer, application }) => {
    cpSync(join(folder, 'types/application'), join(application, 'types'), { recursive: true })
    const compiled = Object.entries(COMPILERS).map(([compiler, tsc]) => {
      const files = ['commonjs.cts', 'handling.ts', 'observers.ts', 'pipeline.ts'].map((name) => `types/${name}`)
      return { check: `${installer}, ${compiler}`, problems: compile(application, tsc, options, files) }
    })
    const { ok, lines } = run(oldestNode, ['-e', "require('aplomb').aplomb()"], application)
    return [...compiled, { check: `${installer}, require on Node 22.12`, problems: ok ? [] : lines }]
  })
}

export const typeChecks = async (folder) => {
  const results = Object.entries(SETTINGS).map(([name, setting]) => withTypesOf(folder, name, setting))
  const { ok, lines } = run(denoBinary, ['check', '--node-modules-dir=manual', '--no-remote', 'types/app.ts'], folder)
  return [...results, { check: 'deno check', problems: ok ? [] : lines }, ...(await declarations(folder))]
}
