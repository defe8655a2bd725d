// Breaks packages, or some files of one, in small ways, and lists what their tests have not noticed. What is known from the
// last time, of files and tests that are as they were, is not asked again; a run that was interrupted goes on. A sample
// asks about so many mutants of a package, drawn by lot.
//     npm run mutation [-- <package>[/<files>]... --sample 150 --seed 1 --force --static]
import { Stryker } from '@stryker-mutator/core'
import { parseArgs } from 'node:util'
import { PACKAGES } from './packages.mjs'
import { forgetUndrawn, populationOf, record, summarize, summarizeSample } from './summary.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    force: { type: 'boolean', default: false },
    static: { type: 'boolean', default: false },
  },
})

const ALL = { share: 1, seed: values.seed }

/** What became of the mutants of a package that were drawn, and of those that are known. */
const run = (name, files = '**/*.ts', draw = ALL) => {
  const report = `.report/mutation/${name}`
  forgetUndrawn(name)
  process.env.MUTATION_TESTS = [`packages/${name}/test`, ...PACKAGES[name]].join(',')
  process.env.MUTATION_DRAW = JSON.stringify(draw)
  return new Stryker({
    plugins: [
      import.meta.resolve('@stryker-mutator/vitest-runner'),
      import.meta.resolve('./prose.mjs'),
      import.meta.resolve('./draw.mjs'),
    ],
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    // With a checker, a process of its own, one is left for the tests.
    concurrency: 1,
    checkers: ['draw'],
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
}

const sample = async (name, size) => {
  const population =
    populationOf(name) ??
    (await run(name, undefined, { share: 0, seed: values.seed })).filter(({ status }) => status !== 'Ignored').length
  const draw = { share: size / population, seed: values.seed }
  const results = await run(name, undefined, draw)
  return summarizeSample(name, draw, results)
}

for (const target of positionals.length > 0 ? positionals : Object.keys(PACKAGES)) {
  const [name, files] = target.split('/')
  if (!(name in PACKAGES))
    throw new RangeError(`No such package: "${name}". There are ${Object.keys(PACKAGES).join(', ')}`)
  if (values.sample !== undefined) {
    if (!(await sample(name, Number(values.sample)))) process.exitCode = 1
    continue
  }
  record(await run(name, files))
  if (!summarize(name)) process.exitCode = 1
}
