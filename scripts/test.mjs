import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { install as installRuntimes } from '../tests/runtimes/install.mjs'
import { checkSdks, env, install, installApart, node, root, step, task } from './setup.mjs'

const report = '.report/vitest.json'
const runtimesReport = '.report/runtimes.json'

/** Counts single tests, and as one failure each a file that failed outside of them, as when it did not even load. */
const readReport = () => {
  if (!existsSync(join(root, report))) return { passed: 0, failed: 0 }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(join(root, report), 'utf8'))
  const broken = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  )
  return { passed: numPassedTests, failed: numFailedTests + broken.length }
}

/** What was skipped for want of a server, and what helps: it would be missed among thousands of lines. */
const sayWithoutRedis = () => {
  if (process.env.REDIS_URL || !existsSync(join(root, report))) return
  const { testResults } = JSON.parse(readFileSync(join(root, report), 'utf8'))
  const skipped = testResults
    .filter(({ name }) => /packages[\\/]redis[\\/]/.test(name))
    .flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed'),
    )
  if (skipped.length === 0) return
  console.log(
    `${skipped.length} tests of @aplomb/redis were skipped, as there is no server: set REDIS_URL, or install redis-server or valkey-server.`,
  )
}

/** The line of a file that is done, among those of vitest. */
const TEST_FILE = /[✓❯×]\S* .*\.test\.ts/

const runTests = async () => {
  rmSync(join(root, report), { force: true })
  const { ok, output } = await task('test:all', { title: 'tests', done: TEST_FILE, parts: 'files' })
  if (/\b1 cached\b/.test(output))
    console.log('  Nothing has changed since they passed; `npx vitest run` runs them all the same.')
  const { passed, failed } = readReport()
  // An error outside of any test (an unhandled rejection) fails the run without failing a test.
  return { passed, failed: ok ? failed : Math.max(failed, 1) }
}

/** The lines of that run's own, among those of turbo. */
const OF_RUNTIMES = /^( {6}| {2}✗ |[✓✗-] |on all runtimes)/

/** What is published, on every runtime. */
const runRuntimes = async (installed) => {
  if (!installed) return { passed: 0, failed: 1 }
  const path = join(root, runtimesReport)
  rmSync(path, { force: true })
  const { ok, output } = await task('test:runtimes', { title: 'runtimes', live: OF_RUNTIMES })
  if (/\b1 cached\b/.test(output))
    console.log('  Nothing has changed since they passed; `npm run test:runtimes` runs them all the same.')
  const { passed, failed } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { passed: 0, failed: 1 }
  return { passed, failed: ok ? failed : Math.max(failed, 1) }
}

/** With its links checked, and nothing undocumented. */
const buildSite = async () => {
  if (!(await installApart('docs/site'))) return { ok: false }
  return step('site', node, ['docs/site/main.mjs', 'build'])
}

const isAll = process.argv.includes('--all')

const runAll = async () => {
  if (!(await install())) return { passed: 0, failed: 1 }
  if (isAll && !(await installApart('tests/sdks'))) return { passed: 0, failed: 1 }

  // Most of that is waiting for the registry.
  const installingRuntimes = installRuntimes({ beside: true })
  const checks = [await task('build')]
  const onBuilt = checks[0].ok ? ['lint', 'check:packages'] : []
  for (const name of ['format:check', 'knip', 'check:release', ...onBuilt]) checks.push(await task(name))

  const size = await step('size', node, ['scripts/size.mjs'])
  if (size.ok) console.log(size.output.trimEnd())
  checks.push(size)
  let site
  if (isAll) {
    checks.push({ ok: await checkSdks() })
    env.LONG = '1'
    // The tests have one seed of ten.
    checks.push(await step('outcomes', node, ['packages/bench/src/sim/outcomes.ts']))
    site = await buildSite()
    checks.push(site)
    if (checks[0].ok) checks.push(await step('newcomer', node, ['docs/site/newcomer.mjs']))
  }

  const tests = [await runTests()]
  const installed = await installingRuntimes
  if (checks[0].ok) tests.push(await runRuntimes(installed))
  // With the browser of the runtimes.
  if (site?.ok) checks.push(await step('site, looked at', node, ['docs/site/check/main.mjs']))
  const failed = checks.filter(({ ok }) => !ok).length
  return {
    passed: tests.reduce((sum, one) => sum + one.passed, 0),
    failed: tests.reduce((sum, one) => sum + one.failed, failed),
  }
}

const { passed, failed } = await runAll()
sayWithoutRedis()
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
