import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** How long a process may be silent: longer than a check may take. */
const SILENCE_MS = 30_000
/** How long it may take to end after its last check. */
const EXIT_MS = 5000

const env = Object.fromEntries(
  // A proxy, or options for another Node, would be part of what is compared.
  Object.entries(process.env).filter(([name]) => !/proxy$|^NODE_|^DEBUG$|^npm_/i.test(name)),
)

/** Runtimes that are commands: a process for each kind of fetch. */
export const command = (binary, args = []) => ({
  isServer: true,

  version: () => {
    const { status, stdout, stderr, error } = spawnSync(binary, ['--version'], { encoding: 'utf8', env })
    if (status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n')[0])
    return /\d+\.\d+\.\d+/.exec(stdout)?.[0]
  },

  start: async (folder) => ({
    run: (settings, onOutcome) =>
      new Promise((resolve) => {
        const child = spawn(binary, [...args, join(folder, 'checks', 'process.js'), JSON.stringify(settings)], {
          cwd: folder,
          env: { ...env, DENO_DIR: join(folder, '.deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        let ended = false
        let killed = false
        let warnings = ''
        let timer
        const expect = (ms) => {
          clearTimeout(timer)
          timer = setTimeout(() => {
            killed = true
            child.kill('SIGKILL')
          }, ms)
        }
        expect(SILENCE_MS)
        child.stderr.setEncoding('utf8').on('data', (text) => (warnings += text))
        createInterface({ input: child.stdout }).on('line', (line) => {
          const [, index, outcome] = /^(\d+) (.*)$/.exec(line) ?? []
          ended = line === 'end'
          expect(ended ? EXIT_MS : SILENCE_MS)
          if (index !== undefined) onOutcome(Number(index), JSON.parse(outcome))
        })
        child.on('error', (error) => (warnings += error.message))
        child.on('close', (code) => {
          clearTimeout(timer)
          const said = warnings.replaceAll(/\(node:\d+\)/g, '(node)').trim()
          resolve({ exits: ended && !killed, code, said })
        })
      }),
    close: async () => undefined,
  }),
})
