import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from './launch/chromium.mjs'
import { command } from './launch/process.mjs'
import { workerd } from './launch/workerd.mjs'

export const modules = fileURLToPath(new URL('node_modules', import.meta.url))
const exe = process.platform === 'win32' ? '.exe' : ''
const binary = (...path) => join(modules, ...path)

const nodeBinary = (alias) => binary(alias, 'bin', `node${exe}`)
const node = (alias) => command(nodeBinary(alias))
const deno = (...args) =>
  command(binary('deno', `deno${exe}`), ['run', '--no-prompt', '--node-modules-dir=manual', '--allow-net', ...args])

export const runtimes = {
  'node-22.12': node('node-22.12'),
  'node-22': node('node-22'),
  'node-24': node('node-24'),
  'node-26': node('node-26'),
  // Named so on every platform.
  bun: command(binary('bun', 'bin', 'bun.exe')),
  deno: deno('--allow-env'),
  'deno-without-env': deno(),
  workerd,
  chromium,
}

/** Of those that `engines` admits. */
export const oldestNode = nodeBinary('node-22.12')

/** Checks types, too. */
export const denoBinary = binary('deno', `deno${exe}`)
