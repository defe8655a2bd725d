import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Exchange, serve } from '../../pipeline/test/support/server.ts'

/** Others than this one: `NODES=/path/to/node:/path/to/another`. They need not know types. */
const NODES = [process.execPath, ...(process.env['NODES'] ?? '').split(delimiter)].filter(Boolean)

const MB = Buffer.alloc(2 ** 20, 'x')
const FLOOD_BYTES = 200 * MB.length

let flooded: number

const flood = (response: Exchange['response']): void => {
  while (flooded < FLOOD_BYTES && !response.destroyed) {
    flooded += MB.length
    if (!response.write(MB)) return void response.once('drain', () => flood(response))
  }
}

/** None of those that stay open ends before the client hangs up, however much fits into the buffers on the way. */
const respond = ({ request, response }: Exchange): void => {
  response.writeHead(request.url === '/ping' ? 204 : 403, { 'content-type': 'text/html' })
  switch (request.url ?? '') {
    case '/open':
      response.write(MB)
      return
    case '/part':
      response.write(MB.subarray(0, 1000))
      return
    case '/torn':
      response.write(MB, () => response.destroy())
      return
    case '/flood':
      flood(response)
      return
    case '/whole':
      response.end(MB)
      return
    default:
      response.end()
  }
}

let code: string

beforeAll(async () => {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('fixtures/unread.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  })
  code = bundle.outputFiles[0]!.text
})

interface Ending {
  readonly exitCode: number | null
  readonly stderr: string
  /** What it told on the way. */
  readonly told: readonly unknown[]
}

/** Runs a scenario in a process of its own, which may end once the server has no open answer left. */
const run = async (node: string, scenario: string): Promise<Ending> => {
  const server = await serve(respond)
  onTestFinished(() => server.close())
  const child = spawn(node, ['--expose-gc', '--input-type=module', '-', server.origin, scenario], {
    stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
  })
  // It waits for ever if a connection is not freed.
  onTestFinished(() => void child.kill())
  const told: unknown[] = []
  let stderr = ''
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()))
  child.on('message', (message) => {
    if (message !== 'through') told.push(message)
    else void server.quiet().then(() => child.connected && child.send('enough'))
  })
  child.stdin?.end(code)
  const [exitCode] = (await once(child, 'close')) as [number | null]
  await server.quiet()
  return { exitCode, stderr, told }
}

const LIVES: Ending = { exitCode: 0, stderr: '', told: [] }

describe.each(NODES)('%s', (node) => {
  it.each([
    ['in a pipeline', 'pipeline'],
    ['in a call with a deadline', 'deadline'],
    ['by a signal that only the inner fetch knows', 'inner'],
    ['after classifyResponse alone, which knows no signal', 'alone'],
    ['after the caller has cloned it', 'cloned'],
  ])('a 403 that nobody reads is aborted, %s: the process lives, and its connection is freed', async (_, scenario) => {
    expect(await run(node, scenario)).toEqual(LIVES)
  })

  it.each([
    ['by whoever called classifyResponse', 'peeking'],
    ['by whoever waits for the call', 'calling'],
  ])('a 403 that is being peeked at is aborted %s: the same', async (_, scenario) => {
    expect(await run(node, scenario)).toEqual(LIVES)
  })

  it.each([
    ['drops', 'dropped'],
    ['gives up', 'discarded'],
  ])('without a signal, the connection is freed of a response that the caller %s', async (_, scenario) => {
    expect(await run(node, scenario)).toEqual(LIVES)
  })

  it('whoever reads late has every byte', async () => {
    expect(await run(node, 'late')).toEqual(LIVES)
  })

  it('a body that breaks afterwards does so for its reader, and for nobody else', async () => {
    expect(await run(node, 'torn')).toEqual(LIVES)
  })

  it('a body that nobody reads stays with the server, but for what buffers hold', async () => {
    flooded = 0
    const { told, ...ending } = await run(node, 'flood')
    expect({ ...ending, told: [] }).toEqual(LIVES)
    expect(told).toEqual([{ heldBytes: expect.any(Number) as number }])
    expect((told[0] as { heldBytes: number }).heldBytes).toBeLessThan(FLOOD_BYTES / 10)
    expect(flooded).toBeLessThan(FLOOD_BYTES)
  })
})
