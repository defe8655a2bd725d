import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** A Redis for tests: `REDIS_URL`, else one of our own on a free port; `undefined` where there is none. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string
  /** Only of our own. */
  kill(): Promise<void>
  start(): Promise<void>
}

const binary = (): string | undefined =>
  ['valkey-server', 'redis-server'].find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })

/** What a process runs that starts another: the end of its standard input, which its own parent holds, ends both. */
const ENDS_WITH_PARENT = `
  const [command, ...options] = process.argv.slice(1)
  const child = require('node:child_process').spawn(command, options, { stdio: 'ignore' })
  child.once('exit', () => process.exit())
  process.stdin.once('end', () => child.kill('SIGKILL')).resume()
`

export const hasRedis: boolean = process.env['REDIS_URL'] !== undefined || binary() !== undefined
export const NO_REDIS = 'needs a Redis: set REDIS_URL, or install redis-server or valkey-server'

export const startRedis = async (): Promise<RedisServer> => {
  const given = process.env['REDIS_URL']
  const none = async (): Promise<void> => undefined
  if (given !== undefined) return { url: given, kill: none, start: none, [Symbol.asyncDispose]: none }
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    child = spawn(process.execPath, ['-e', ENDS_WITH_PARENT, binary() as string, ...options], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const kill = async (): Promise<void> => {
    if (child?.exitCode !== null) return
    const exited = once(child, 'exit')
    child.stdin?.end()
    await exited
  }
  await start()
  return { url: `redis://127.0.0.1:${port}`, kill, start, [Symbol.asyncDispose]: kill }
}
