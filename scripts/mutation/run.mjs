// Breaks packages, or some files of one, in small ways, and lists what their tests have not noticed. What is known from the
// last time, of files and tests that are as they were, is not asked again; a run that was interrupted goes on.
//     npm run mutation [-- <package>[/<files>]... --force --static]
import { Stryker } from '@stryker-mutator/core'
import { parseArgs } from 'node:util'
import { PACKAGES } from './packages.mjs'
import { record, summarize } from './summary.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { force: { type: 'boolean', default: false }, static: { type: 'boolean', default: false } },
})

const run = async (name, files = '**/*.ts') => {
  const report = `.report/mutation/${name}`
  process.env.MUTATION_TESTS = [`packages/${name}/test`, ...PACKAGES[name]].join(',')
  const results = await new Stryker({
    plugins: [import.meta.resolve('@stryker-mutator/vitest-runner'), import.meta.resolve('./prose.mjs')],
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // What fails under load is no mutant found.
    timeoutMS: 30_000,
    // Tables of vendors are data: each row has a witness that fails without it (packages/classify/test/knowledge.test.ts).
    mutate: [`packages/${name}/src/${files}`, '!packages/*/src/vendors/**'],
    ignorers: ['prose'],
    // What runs once, when a module is loaded, would need all tests of a package for each mutant.
    ignoreStatic: !values.static,
    ignorePatterns: ['.report', '.changeset', 'docs', 'tests', 'packages/*/dist'],
    // It would rewrite the references in it, with an API that TypeScript 7 has no more.
    tsconfigFile: 'none',
    incremental: true,
    incrementalFile: `${report}/incremental.json`,
    force: values.force,
    tempDirName: '.report/mutation/tmp',
    reporters: ['progress-append-only', 'html', 'json'],
    htmlReporter: { fileName: `${report}/report.html` },
    jsonReporter: { fileName: `${report}/report.json` },
    allowConsoleColors: false,
  }).runMutationTest()
  record(results)
}

for (const target of positionals.length > 0 ? positionals : Object.keys(PACKAGES)) {
  const [name, files] = target.split('/')
  if (!(name in PACKAGES))
    throw new RangeError(`No such package: "${name}". There are ${Object.keys(PACKAGES).join(', ')}`)
  await run(name, files)
  if (!summarize(name)) process.exitCode = 1
}
