import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { collect } from '../../pipeline/test/support/gc.ts'
import { errorFacts, errorOf } from '../../pipeline/test/support/outcome.ts'
import { aplomb, verdictOf } from '../src/index.ts'
import { endless, type ErrorServer, MESSAGE, serveErrors, TEXTS } from './support/error-bodies.ts'

let server: ErrorServer
const url = (path: string): string => `${server.origin}/${path}`

beforeAll(async () => {
  server = await serveErrors()
})
afterAll(() => server.close())
// Whatever a test has done, every answer was read to its end or given up, and the server knows.
afterEach(() => server.quiet())

/** Reads on until there are so many characters, and not further. */
const read = async (reader: ReadableStreamDefaultReader<Uint8Array>, chars: number): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  while (text.length < chars) {
    const { value } = await reader.read()
    text += decoder.decode(value, { stream: true })
  }
  return text
}

describe('the body of an error is complete and untouched, although it was read to classify it', () => {
  test('5 MB', async () => {
    const response = await aplomb()(url('400/large'))
    expect(verdictOf(response)).toMatchObject({ kind: 'invalid', message: MESSAGE })
    expect(response.bodyUsed).toBe(false)
    expect(response.body?.locked).toBe(false)
    expect((await response.text()) === TEXTS.large).toBe(true)
  })

  test('compressed: the unpacked text is read, by us and by the caller', async () => {
    const response = await aplomb()(url('400/zipped'))
    expect(verdictOf(response).message).toBe(MESSAGE)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect((await response.text()) === TEXTS.zipped).toBe(true)
  })

  test('slow: it is waited for, and still all there', async () => {
    const response = await aplomb()(url('400/slow'))
    expect(verdictOf(response).message).toBe(MESSAGE)
    expect(await response.text()).toBe(TEXTS.slow)
  })

  test('slower than is waited for: the caller has the answer before its end, and then the rest', async () => {
    const response = await aplomb({ classify: { peekTimeoutMs: 50 } })(url('400/held'))
    expect(verdictOf(response)).toMatchObject({ kind: 'invalid', message: MESSAGE })
    server.proceed()
    expect(await response.text()).toBe(TEXTS.slow)
  })

  test.each([
    ['as fast as it is read', '400/flood'],
    ['slowly', '400/trickle'],
    ['as events, which the gate watches', '400/events'],
    ['as events of a success', '200/events'],
  ])('without end, %s: three pieces, then the caller hangs up and the server sees it', async (_, path) => {
    const fetch = aplomb({ classify: { peekTimeoutMs: 100 } })
    const response = await fetch(url(path))
    const reader = response.body!.getReader()
    const pieces = [await reader.read(), await reader.read(), await reader.read()]
    const text = pieces.map(({ value }) => new TextDecoder().decode(value)).join('')
    expect(text).toBe(endless(text.length))
    expect(server.open).toBe(1)
    await reader.cancel()
    await server.quiet()
    expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 })
  })
})

describe('a body that breaks is as with fetch alone', () => {
  test('before it could be classified: judged by what came; whoever reads it sees the error', async () => {
    const response = await aplomb()(url('400/cut-at-once'))
    expect(verdictOf(response).kind).toBe('invalid')
    const bare = await fetch(url('400/cut-at-once'))
    expect(errorFacts(await errorOf(response.text()))).toEqual(errorFacts(await errorOf(bare.text())))
  })

  test('later: everything up to there, then the error', async () => {
    const errors: unknown[] = []
    for (const get of [aplomb(), fetch]) {
      const { body } = await get(url('400/cut'))
      const reader = body!.getReader()
      expect((await read(reader, TEXTS.cut.length)) === TEXTS.cut).toBe(true)
      server.proceed()
      errors.push(errorFacts(await errorOf(reader.read())))
    }
    expect(errors[0]).toEqual(errors[1])
    expect(errors[0]).toMatchObject({ typeError: true })
  })

  test('one that is retried does not matter', async () => {
    const response = await aplomb({ backoffJitter: { baseMs: 1 } })(url('500/cut-at-once?once'))
    expect(await response.text()).toBe('served')
  })
})

describe('a body that nobody reads holds nothing', () => {
  test.each(['503/flood', '503/trickle', '503/large'])('retried: %s is given up, its server sees it', async (path) => {
    const fetch = aplomb({ backoffJitter: { baseMs: 1 }, classify: { peekTimeoutMs: 50 } })
    const response = await fetch(url(`${path}?once`))
    expect(await response.text()).toBe('served')
    await server.quiet()
  })

  test('short: its connection is free for the next call', async () => {
    await server.quiet()
    const fetch = aplomb()
    await fetch(url('400/short'))
    const before = await server.connections()
    for (let i = 0; i < 10; i++) expect((await fetch(url('400/short'))).status).toBe(400)
    expect(await server.connections()).toBe(before)
  })

  test.each(['400/large', '400/flood', '400/trickle', '200/flood'])(
    '%s: the connection ends when the Response is collected, as with fetch alone',
    async (path) => {
      const fetch = aplomb({ classify: { peekTimeoutMs: 50 } })
      expect((await fetch(url(path))).status).toBe(Number(path.slice(0, 3)))
      for (let i = 0; i < 100 && server.open > 0; i++) await collect()
      expect(server.open).toBe(0)
    },
  )

  test('an abort while the body is waited for rejects at once, and the server sees it', async () => {
    const controller = new AbortController()
    const arrived = server.arrival()
    const error = errorOf(aplomb()(url('500/trickle'), { signal: controller.signal }))
    const { response } = await arrived
    while (!response.headersSent) await new Promise(setImmediate)
    const reason = { mine: true }
    controller.abort(reason)
    expect(await error).toBe(reason)
    await server.quiet()
  })

  test('a process that has nothing else to do ends', async () => {
    const code = `
      import { aplomb } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      const fetch = aplomb()
      for (const path of ['400/short', '400/large', '400/flood', '200/events'])
        console.log((await fetch(${JSON.stringify(server.origin)} + '/' + path)).status)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.on('data', (data: Buffer) => (printed += data.toString()))
    const [exitCode] = (await once(child, 'close')) as [number]
    expect(printed).toBe('400\n400\n400\n200\n')
    expect(exitCode).toBe(0)
    await server.quiet()
  })
})
