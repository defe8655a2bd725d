// Runs every check on every runtime with bare fetch, with an empty pipeline and with aplomb, and compares what the server saw and the caller got.
//     node tests/runtimes/run.mjs [--only <runtime>] [--check <text>] [--write]
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { row, setTable } from '../../scripts/footprint.mjs'
import { root } from '../../scripts/setup.mjs'
import { checks } from './checks/index.js'
import { differences } from './compare.mjs'
import { exceptions } from './exceptions.js'
import { install } from './install.mjs'
import { durableObjectChecks } from './durable-object.mjs'
import { isolateChecks } from './isolate.mjs'
import { launch } from './launch/chromium.mjs'
import { unpack } from './packed.mjs'
import { reportChecks } from './report.mjs'
import { runtimes } from './runtimes.mjs'
import { startServer } from './server.mjs'
import { typeChecks } from './types.mjs'

const KINDS = ['bare', 'pipeline', 'aplomb']
/** What is known of a run as a whole. */
const END = 'the end'
/** Of one check; the others are mostly more of the same. */
const MOST_PROBLEMS = 4
const NOT_REACHED = 'not reached'

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, check: { type: 'string' }, write: { type: 'boolean', default: false } },
})
const wanted = (name, part) => part === undefined || name.includes(part)
const isWhole = options.only === undefined && options.check === undefined
const names = Object.keys(checks)
  .map((name, index) => ({ name, index }))
  .filter(({ name }) => wanted(name, options.check))

const total = { passed: 0, failed: 0 }
const skipped = []
/** Of the table in the docs. */
const rows = [row('runtime', 'version', 'checks', 'not as its bare `fetch`'), row('---', '---', '--:', '---')]
const met = new Set()

/** Counts a check, and says what is wrong with it. */
const verdictOn = (runtime, check, problems) => {
  const exception = exceptions.find((one) => one.runtime === runtime && one.check === check)
  if (exception) {
    met.add(exception)
    return problems.length > 0 ? [] : [`  ✗ ${check}: no longer an exception`]
  }
  if (problems.length === 0) return []
  return [`  ✗ ${check}`, ...problems.slice(0, MOST_PROBLEMS).map((problem) => `      ${problem}`)]
}

const print = (runtime, version, results, startedAt) => {
  const reached = results.filter(({ problems }) => !problems.includes(NOT_REACHED))
  const missed = results.length - reached.length
  const failures = reached
    .map(({ check, problems }) => verdictOn(runtime, check, problems))
    .filter(({ length }) => length > 0)
  const failed = failures.length + missed
  total.failed += failed
  total.passed += results.length - failed
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const mark = failed === 0 ? '✓' : '✗'
  const title = `${runtime} ${version}`.padEnd(28)
  console.log(`${mark} ${title} ${seconds.padStart(5)} s  ${results.length - failed} passed, ${failed} failed`)
  for (const line of failures.flat()) console.log(line)
  if (missed > 0) console.log(`  ✗ ${missed} checks were not reached`)
}

/** Runs all kinds on a runtime beside each other; each outcome is what the caller got and what the server saw. */
const runOn = async (runtime, { start, isServer }, folder, server) => {
  const launched = await start(folder, server)
  try {
    const runs = KINDS.map(async (kind) => {
      const common = { runtime, kind, isServer, origin: server.origin, places: server.places }
      const settings = names.map((one) => Object.assign({}, common, one))
      const outcomes = new Map()
      const keep = (index, outcome) =>
        outcomes.set(index, { ...outcome, seen: server.seen(`/${runtime}/${kind}/${index}`) })
      const end = await launched.run(settings, keep).catch((error) => ({ exits: false, said: error.message }))
      return { kind, outcomes, end }
    })
    return await Promise.all(runs)
  } finally {
    await launched.close()
  }
}

const judge = (runs) => {
  const [bare, ...others] = runs
  const results = names.map(({ name: check, index }) => {
    if (runs.some(({ outcomes }) => !outcomes.has(index))) return { check, problems: [NOT_REACHED] }
    const faults = runs
      .map(({ kind, outcomes }) => ({ kind, fault: outcomes.get(index).fault }))
      .filter(({ fault }) => fault !== undefined)
    if (faults.length > 0) return { check, problems: faults.map(({ kind, fault }) => `${kind}: ${fault}`) }
    const problems = others.flatMap(({ kind, outcomes }) =>
      differences(bare.outcomes.get(index), outcomes.get(index)).map((difference) => `${kind}: ${difference}`),
    )
    return { check, problems }
  })
  const ends = runs.flatMap(({ kind, end }) => [
    ...(end.exits ? [] : [`${kind}: ${end.said?.split('\n')[0] || 'still runs after its last check'}`]),
    ...differences(bare.end, end).map((difference) => `${kind}: ${difference}`),
  ])
  return [...results, { check: END, problems: ends }]
}

/** What a runtime gives. One that does not start is a failure on Linux, where all are installed; elsewhere it is skipped. */
const ifInstalled = async (name, work) => {
  try {
    return await work()
  } catch (error) {
    const [reason] = error.message.split('\n')
    if (process.platform === 'linux') throw new Error(`${name} could not be installed: ${reason}`, { cause: error })
    skipped.push(`${name}: ${reason}`)
    return undefined
  }
}

const runAll = async () => {
  if (!(await install())) throw new Error('the runtimes could not be installed')
  const folder = unpack()
  const server = await startServer()
  try {
    for (const [runtime, one] of Object.entries(runtimes)) {
      if (!wanted(runtime, options.only)) continue
      const startedAt = performance.now()
      const version = await ifInstalled(runtime, () => one.version())
      if (version === undefined) continue
      const results = judge(await runOn(runtime, one, folder, server))
      print(runtime, version, results, startedAt)
      const excepted = exceptions.filter((exception) => exception.runtime === runtime)
      const reasons = Object.entries(Object.groupBy(excepted, ({ why }) => why))
      const told = reasons.map(([why, those]) => `${those.map(({ check }) => check).join(', ')}: ${why}`)
      rows.push(row(runtime, version, results.length, told.join('; ')))
    }
    const isolateAt = performance.now()
    if (wanted('isolate', options.only)) print('isolate', '', await isolateChecks(folder), isolateAt)
    const objectAt = performance.now()
    if (wanted('durable-object', options.only)) print('durable-object', '', await durableObjectChecks(folder), objectAt)
    const startedAt = performance.now()
    if (wanted('types', options.only)) print('types', '', await typeChecks(folder), startedAt)
    if (wanted('report', options.only)) {
      const beganAt = performance.now()
      const browser = await ifInstalled('report', launch)
      if (browser) print('report', '', await reportChecks(browser), beganAt)
    }
    const unknown = exceptions.find((one) => !met.has(one))
    if (unknown && isWhole && skipped.length === 0)
      throw new Error(`exceptions.js: there is no check "${unknown.check}" of ${unknown.runtime}`)
  } finally {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await runAll()
} catch (error) {
  total.failed++
  console.log(`✗ ${error.message}`)
}
// Elsewhere Chromium is whatever is installed.
if (process.platform === 'linux' && isWhole && total.failed === 0) {
  const stale = setTable('runtimes', rows, options.write)
  if (stale) {
    total.failed++
    console.log(`✗ ${stale}`)
  }
}
for (const reason of skipped) console.log(`- skipped ${reason}`)
for (const { runtime, check, why } of met) console.log(`- excepted ${runtime}, ${check}: ${why}`)
console.log(
  `on all runtimes: ${total.passed} checks passed, ${total.failed} failed, ${skipped.length} runtimes skipped`,
)
mkdirSync(join(root, '.report'), { recursive: true })
writeFileSync(join(root, '.report/runtimes.json'), JSON.stringify(total))
process.exitCode = total.failed === 0 ? 0 : 1
