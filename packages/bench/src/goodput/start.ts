import { fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { link, type Link } from './link.ts'

export interface Child extends Link, AsyncDisposable {}

/** Starts a file as a process of its own, to talk to; with flags for Node. */
export const start = (file: URL, execArgv: string[] = []): Child => {
  const child = fork(fileURLToPath(file), {
    // What the benchmark was started with (a debugger's port) is not for its children.
    execArgv,
    // Hundreds of processes load the same few files.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'aplomb-bench') },
    // Counts may be Infinity, which JSON does not know.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    ...link(child),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
