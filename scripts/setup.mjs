// Runs before anything is installed, on whatever Node there is (20 or newer): nothing but node: imports in here.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const windows = process.platform === 'win32'

/** The Node that the workspace installs for itself; the one running this file may be too old for the tools. */
export const node = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')

export const env = {
  ...process.env,
  PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH,
  TURBO_TELEMETRY_DISABLED: '1',
}

/** Runs a command in the root; resolves to its exit code and everything it printed. */
const run = (command, args, onLine) =>
  new Promise((resolve) => {
    // The tools are .cmd files on Windows, which only a shell can start.
    const child = spawn(command, args, { cwd: root, env, shell: windows, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    createInterface({ input: child.stdout }).on('line', onLine)
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })

/** How often a step that goes on says so: on a terminal in its own line, elsewhere in a line of its own. */
const BEAT_MS = process.stdout.isTTY ? 1000 : 20_000

/**
 * Runs a command as one quiet line with its seconds, and says meanwhile that it goes on. Lines that match `live` are
 * shown as they come; without one all are, when it fails. Those that match `done` are counted as its `parts`. What runs
 * `beside` others is silent until it has ended.
 */
export const step = async (name, command, args, { live, done, parts, beside = false } = {}) => {
  const startedAt = performance.now()
  const { isTTY } = process.stdout
  let shown = 0
  let count = 0
  const title = (mark) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    return `${mark} ${name.padEnd(16)} ${seconds.padStart(5)} s`
  }
  const beat = () => {
    const text = title('…') + (done ? `  ${count} ${parts}` : '')
    if (!isTTY) console.log(text)
    else if (!live) process.stdout.write(`\r${text}`)
  }
  const onLine = (line) => {
    if (done?.test(line)) count++
    if (!live?.test(line)) return
    console.log(`  ${line}`)
    shown++
  }
  if (isTTY && !beside) beat()
  const beats = beside ? undefined : setInterval(beat, BEAT_MS)
  const { code, output } = await run(command, args, onLine)
  clearInterval(beats)
  console.log(`${isTTY ? '\r\x1b[K' : ''}${title(code === 0 ? '✓' : '✗')}`)
  if (code !== 0 && shown === 0) console.log(output)
  return { ok: code === 0, output }
}

/** Runs a task of turbo.json: when nothing that it reads has changed, its last result stands. */
export const task = (name, { title = name, ...watched } = {}) => {
  const logs =
    watched.live || watched.done
      ? ['--output-logs=new-only', '--log-order=stream']
      : ['--output-logs=errors-only', '--log-order=grouped']
  return step(title, 'turbo', ['run', `//#${name}`, '--log-prefix=none', ...logs], watched)
}

const manifests = () => [
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'package.json',
  'docs/package.json',
  ...readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/package.json`)
    .filter((path) => existsSync(join(root, path))),
]

const fingerprintOf = (paths) => {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)))
  return hash.digest('hex')
}

/** Installs with pnpm, unless what is there already came from these very files. */
const installOnce = async (title, stamp, paths, args, { pnpm = ['pnpm'], beside = false } = {}) => {
  const wanted = fingerprintOf(paths)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true

  rmSync(stamp, { force: true })
  const [command, ...first] = pnpm
  // What was installed without tools is done over, and nobody is there to be asked.
  const all = [...first, ...args, '--frozen-lockfile', '--config.confirmModulesPurge=false']
  const { ok } = await step(title, command, all, { beside })
  if (ok) writeFileSync(stamp, wanted)
  return ok
}

/** The pnpm of the manifest, before there is one in node_modules. */
const pinned = () => ['npx', '--yes', JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager]

/** Installs the locked dependencies of the workspace. */
export const install = async () => {
  const stamp = join(root, 'node_modules', '.install-stamp')
  if (!existsSync(node)) rmSync(stamp, { force: true })
  return installOnce('install', stamp, manifests(), ['install'], { pnpm: pinned() })
}

/**
 * Installs no more than the demo needs, which runs from its sources. Whoever has the tools of the workspace keeps them.
 * The pipeline is a peer of the middlewares, and theirs for development alone: here they find that of the root.
 */
export const installDemo = async () => {
  if (existsSync(join(root, 'node_modules', 'typescript'))) return install()
  // A Node that runs cannot be removed there, as the whole installation would do later.
  if (windows) return install()
  const demo = ['install', '--prod', '--filter', 'aplomb-monorepo', '--filter', '@aplomb/bench...']
  return installOnce('install', join(root, 'node_modules', '.demo-stamp'), manifests(), demo, { pnpm: pinned() })
}

/** Types and lint of what needs client libraries, once they are there. */
export const checkSdks = async () =>
  (await step('types of sdks', 'tsc', ['-b', 'tests/sdks'])).ok &&
  (await step('lint of sdks', 'oxlint', ['tests/sdks'])).ok

/** Installs what a folder that is a workspace of its own needs. */
export const installApart = (folder, { beside = false } = {}) =>
  installOnce(
    `install ${basename(folder)}`,
    join(root, folder, 'node_modules', '.install-stamp'),
    ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => `${folder}/${name}`),
    ['--dir', folder, 'install'],
    { beside },
  )
