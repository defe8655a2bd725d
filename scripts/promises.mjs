// Runs the tests of docs/promises.json, writes what came of them into it, and the page from it. With --break it breaks
// the code that keeps a promise, in a copy, and asks whether its test fails. Words choose among them: promises, files or titles that contain one.
// `mutation` is a word that no promise has: then only the page is written, with the figures of `npm run mutation`.
//     npm run promises [-- <words> --break]
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DATA, isTested, PAGE, pageOf, patternOf, readPromises } from '../docs/test/promises.ts'
import { env, node, root } from './setup.mjs'

/** Runs tests, those of one title or all of the files; gives the full name and the state of each that ran. */
const runTests = (cwd, files, title) => {
  // Without any, all would run.
  if (files.length === 0) return []
  const output = join(cwd, '.report/promises.json')
  rmSync(output, { force: true })
  const only = title === undefined ? [] : ['--testNamePattern', patternOf(title).source]
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  spawnSync(
    node,
    [vitest, 'run', ...files, ...only, '--reporter=json', '--testTimeout=300000', `--outputFile=${output}`],
    { cwd, env },
  )
  if (!existsSync(output)) return []
  return JSON.parse(readFileSync(output, 'utf8'))
    .testResults.flatMap(({ name, assertionResults }) => assertionResults.map((one) => ({ file: name, ...one })))
    .filter(({ status }) => status === 'passed' || status === 'failed')
}

const words = process.argv.slice(2).filter((word) => word !== '--break')
const isChosen = (promise) => words.length === 0 || words.some((word) => JSON.stringify(promise).includes(word))

const measuredBy = ({ report, figure }) => {
  const path = join(root, report)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).figure : figure
}

const write = () => {
  const promises = readPromises()
  const results = runTests(root, [
    ...new Set(
      promises
        .filter(isChosen)
        .filter(isTested)
        .map(({ test }) => test),
    ),
  ])
  const updated = promises.map((promise) => {
    if (!isChosen(promise)) return promise
    if (!isTested(promise)) return { ...promise, figure: measuredBy(promise) }
    const ran = results.filter(
      ({ file, fullName }) =>
        file.replaceAll('\\', '/').endsWith(promise.test) && patternOf(promise.title).test(fullName),
    )
    const passed = ran.filter(({ status }) => status === 'passed').length
    if (passed < ran.length || passed === 0) process.exitCode = 1
    const { break: broken, ...rest } = promise
    return { ...rest, figure: `${passed} of ${ran.length} passed`, ...(broken && { break: broken }) }
  })
  writeFileSync(join(root, DATA), `${JSON.stringify({ promises: updated }, null, 2)}\n`)
  writeFileSync(join(root, PAGE), pageOf(updated))
  for (const { quote, figure = 'not run yet' } of updated) console.log(`${figure.padEnd(20)} ${quote}`)
}

/** The workspace as it stands. Links between its packages are relative: they lead to the copy's own. */
const copyWorkspace = () => {
  const copy = mkdtempSync(join(tmpdir(), 'aplomb-promises-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const files = listed
    .toString()
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)))
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(root, file), join(copy, file))
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  const workspaces = files.filter((file) => /^(?:packages\/[^/]+|docs)\/package\.json$/.test(file)).map(dirname)
  for (const folder of workspaces) {
    const modules = join(root, folder, 'node_modules')
    if (existsSync(modules))
      cpSync(modules, join(copy, folder, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  }
  return copy
}

const breakThem = () => {
  const copy = copyWorkspace()
  try {
    for (const { quote, test, title, break: broken } of readPromises().filter(
      (promise) => promise.break && isChosen(promise),
    )) {
      const path = join(copy, broken.file)
      const source = readFileSync(path, 'utf8')
      writeFileSync(
        path,
        source.replace(broken.find, () => broken.replace),
      )
      const results = runTests(copy, [test], title)
      writeFileSync(path, source)
      const failed = results.filter(({ status }) => status === 'failed').length
      if (failed === 0) process.exitCode = 1
      console.log(`${failed > 0 ? '✓' : '✗'} ${failed} of ${results.length} fail: ${quote}`)
      console.log(`    ${broken.file}: ${broken.find.trim()} -> ${broken.replace.trim()}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

if (process.argv.includes('--break')) breakThem()
else write()
