import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { run, type Terminal } from '../../src/command/run.ts'

const ANSWERS = new URL('../fixtures/answers/', import.meta.url)
const answer = (name: string): string => readFileSync(new URL(`${name}.txt`, ANSWERS), 'utf8')

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** `input` is what is in the file `response.txt`, and on standard input. */
const explain = async (args: readonly string[], input?: string | Uint8Array): Promise<Outcome> => {
  const texts = { out: '', err: '' }
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  const terminal: Terminal = {
    read: async (path) => {
      if (path === 'response.txt' && bytes) return bytes
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })
    },
    stdin: async () => bytes,
    out: (text) => void (texts.out += text),
    err: (text) => void (texts.err += text),
    style: (_, text) => text,
    columns: undefined,
    version: '1.2.3',
  }
  const code = await run(['explain', ...args], terminal)
  return { code, ...texts }
}

const HAR = JSON.stringify({
  log: {
    entries: [
      {
        startedDateTime: '2026-01-15T12:00:00.000Z',
        time: 100,
        request: { method: 'POST', url: 'https://api.test/v1/items?key=hunter22', headers: [] },
        response: {
          status: 503,
          headers: [{ name: 'Retry-After', value: '7' }],
          content: { text: '{"message":"hunter22, slow down"}' },
        },
      },
    ],
  },
})

describe('answers of ten APIs, in the forms that curl prints', () => {
  const names = readdirSync(ANSWERS).map((file) => file.replace(/\.txt$/, ''))
  const OPTIONS: Readonly<Record<string, readonly string[]>> = {
    slack: ['--rules', 'slack'],
    stripe: ['-X', 'POST', '--url', 'https://api.stripe.com/v1/charges'],
    openai: ['-X', 'POST', '--url', 'https://api.openai.com/v1/chat/completions'],
  }

  it('are ten', () => {
    expect(names).toHaveLength(10)
  })

  it.each(names)('%s', async (name) => {
    const options = OPTIONS[name] ?? []
    const [text, json, copy] = await Promise.all(
      [[], ['--json'], ['--redacted']].map((more) => explain([...options, ...more], answer(name))),
    )
    expect([text, json, copy].map((one) => one?.code)).toEqual([0, 0, 0])
    expect(JSON.parse(json!.out)).toMatchObject({ version: 1 })
    await expect(text!.out).toMatchFileSnapshot(`../fixtures/reports/${name}.txt`)
    await expect(json!.out).toMatchFileSnapshot(`../fixtures/reports/${name}.json`)
    await expect(copy!.out).toMatchFileSnapshot(`../fixtures/reports/${name}.copy.txt`)
  })
})

it('the guide shows two of them', () => {
  const page = readFileSync(new URL('../../../../docs/explain.md', import.meta.url), 'utf8')
  for (const name of ['cloudflare', 'recording'])
    expect(page).toContain(readFileSync(new URL(`../fixtures/reports/${name}.txt`, import.meta.url), 'utf8'))
})

describe('it reads', () => {
  const seen = { code: 0, out: expect.stringContaining('429 rate-limited') as string, err: '' }

  it.each<[name: string, args: readonly string[]]>([
    ['a file', ['response.txt']],
    ['standard input', []],
    ['standard input by its name', ['-']],
  ])('%s', async (_, args) => {
    expect(await explain(args, answer('openai'))).toEqual(seen)
  })

  it.each(['utf-16le', 'utf-16be'])('%s, as PowerShell writes it', async (encoding) => {
    const bytes = Buffer.from(`\ufeff${answer('openai')}`, 'utf16le')
    expect(await explain([], encoding === 'utf-16be' ? bytes.swap16() : bytes)).toEqual(seen)
  })

  it('a recording', async () => {
    const { code, out } = await explain([], HAR)
    expect(code).toBe(0)
    expect(out).toContain('POST https://api.test/v1/items  1 call: 1 overloaded')
    expect(JSON.parse((await explain(['--json'], HAR)).out)).toMatchObject({ version: 1, calls: 1 })
  })

  it('one exchange of a recording', async () => {
    const { out } = await explain(['--entry', '0'], HAR)
    expect(out).toContain('503 overloaded  POST https://api.test/v1/items?key=[redacted]')
    expect(JSON.parse((await explain(['--entry', '0', '--json'], HAR)).out)).toMatchObject({ status: 503 })
    const copy = await explain(['--entry', '0', '--redacted'], HAR)
    expect(copy.out).toContain('"message":"[redacted], slow down"')
  })

  it.each([
    ['http/2.0', 'HTTP/2.0 503'],
    ['h3', 'HTTP/3 503'],
    ['', 'HTTP/1.1 503'],
    ['unknown', 'HTTP/1.1 503'],
  ])('whose version browsers write as %j', async (httpVersion, statusLine) => {
    const recording = HAR.replace('"status":503', `"status":503,"httpVersion":"${httpVersion}"`)
    const { code, out } = await explain(['--entry', '0', '--redacted'], recording)
    expect(code).toBe(0)
    expect(out).toContain(`\n${statusLine}\n`)
  })
})

describe('where a verdict depends on the request, options say what it was', () => {
  const notFound = 'HTTP/1.1 404 Not Found\nContent-Type: application/json\n\n{"message":"No such IP"}'
  const failed = 'HTTP/1.1 500 Internal Server Error\n\n'

  it('--lookup', async () => {
    expect((await explain([], notFound)).out).toContain('404 missing')
    const url = ['--url', 'https://api.test/v1/lookup/192.0.2.1']
    expect((await explain([...url, '--lookup', '/v1/lookup/:ip'], notFound)).out).toContain('404 empty')
    expect((await explain([...url, '--lookup', '/v2/*'], notFound)).out).toContain('404 missing')
  })

  it('--method and --header', async () => {
    expect((await explain([], failed)).out).toContain('is safe: GET does no more when repeated')
    expect((await explain(['-X', 'post'], failed)).out).toContain('is not safe: POST may have been carried out')
    const { out } = await explain(['-X', 'POST', '-H', 'Idempotency-Key: hunter22'], failed)
    expect(out).toContain('is safe: the server knows a repetition by its idempotency key')
  })

  it('--url: some hosts are known', async () => {
    const silent = 'HTTP/1.1 429 Too Many Requests\n\n'
    expect((await explain([], silent)).out).toContain('429 rate-limited')
    expect((await explain(['--url', 'https://api.deepgram.com/v1/listen'], silent)).out).toContain(
      '429 concurrency-limited',
    )
  })

  it('--rules, which are named where one would help', async () => {
    expect((await explain([], answer('slack'))).out).toContain('With --rules slack it is rate-limited')
    expect((await explain(['--rules', 'graphql,slack'], answer('slack'))).out).toContain('200 rate-limited')
    expect((await explain(['--rules', 'all'], answer('slack'))).out).toContain('200 rate-limited')
    const recording = JSON.stringify({
      log: {
        entries: [
          {
            request: { method: 'POST', url: 'https://api.test/graphql', headers: [] },
            response: {
              status: 200,
              headers: [{ name: 'Content-Type', value: 'application/json' }],
              content: { text: '{"errors":[{"extensions":{"code":"THROTTLED"}}]}' },
            },
          },
        ],
      },
    })
    expect((await explain(['--entry', '0'], recording)).out).toContain('With --rules graphql it is rate-limited')
  })
})

it('a copy that tells something else than the original says so on standard error', async () => {
  const refused = 'HTTP/1.1 429 Too Many Requests\n\n{"error":{"code":"insufficient_quota"}}'
  expect(await explain(['--redacted'], refused)).toMatchObject({ code: 0, err: '' })
  // Nothing is lost of the request.
  const copy = await explain(['--redacted', '-X', 'POST', '-H', 'Idempotency-Key: 7'], 'HTTP/1.1 500 No\n\n')
  expect(copy.out).toBe('> POST / HTTP/1.1\n> Idempotency-Key: [redacted]\nHTTP/1.1 500 No\n\n\n')
  expect(copy.err).toBe('')
  expect((await explain([], copy.out)).out).toContain('by its idempotency key')
  const { code, out, err } = await explain(['--redacted', '-H', 'x-password: insufficient_quota'], refused)
  expect(code).toBe(0)
  expect(out).toBe(
    '> GET / HTTP/1.1\n> x-password: [redacted]\nHTTP/1.1 429 Too Many Requests\n\n{"error":{"code":"[redacted]"}}\n',
  )
  expect(err).toContain('aplomb: the copy is judged otherwise (rate-limited, 429, nothing names the cause)')
})

describe('the exit code is 1 for what cannot be read, 2 for wrong usage, and the error says what is wrong', () => {
  it.each<[args: readonly string[], input: string | undefined, code: number, error: string]>([
    [['missing.txt'], undefined, 1, 'aplomb: there is no such file\n'],
    [['response.txt'], '', 1, 'aplomb: response.txt: there is nothing to read\n'],
    [
      [],
      '<html>',
      1,
      'aplomb: standard input: no status line, such as "HTTP/1.1 429 Too Many Requests": save the answer with curl -i\n',
    ],
    [[], '{"a":', 1, 'aplomb: standard input: it begins like a HAR file, but is no JSON ('],
    [
      [],
      '{"error":"x"}',
      1,
      'aplomb: standard input: log.entries is missing, not a list: this is no HAR file; of a single answer, save the head, too: curl -i\n',
    ],
    [[], '{"log":{"entries":[]}}', 1, 'aplomb: standard input: log.entries is empty;'],
    [
      [],
      undefined,
      2,
      'aplomb: a file, or an answer on standard input, is missing\naplomb explain --help tells how.\n',
    ],
    [['a', 'b'], '', 2, 'aplomb: one file at a time\n'],
    [['--jsn'], '', 2, "aplomb: Unknown option '--jsn'"],
    [
      ['--rules', 'slak'],
      '',
      2,
      'aplomb: --rules slak: there are graphql, googleMaps, slack, shopify, errorBody, eventStream and all\n',
    ],
    [['--lookup', 'v1'], '', 2, 'aplomb: --lookup v1: a path begins with "/", such as /v1/lookup/:ip\n'],
    [['--url', 'api.test'], '', 2, 'aplomb: --url takes a whole URL, such as https://api.example.com/v1/items\n'],
    [['--method', 'G E T'], '', 2, 'aplomb: --method takes a method, such as POST\n'],
    [['-H', 'hunter22'], '', 2, 'aplomb: --header takes "Name: value"\n'],
    [['--entry', '7'], HAR, 2, 'aplomb: --entry 7: there is no such one that can be read\n'],
    [['--entry', '0'], 'HTTP/1.1 200 OK\n\n', 2, 'aplomb: --entry is for a HAR file\n'],
    [['-X', 'POST'], HAR, 2, 'aplomb: --method, --url and --header are for a single answer: a recording has them\n'],
    [['--json', '--redacted'], HAR, 2, 'aplomb: --json or --redacted, not both\n'],
    [[], '{"log":{"key":"hunter22', 1, 'aplomb: standard input: it begins like a HAR file, but is no JSON ('],
    [['--redacted'], HAR, 2, 'aplomb: --redacted copies one answer: name it with --entry\n'],
  ])('%j', async (args, input, code, error) => {
    const outcome = await explain(args, input)
    expect(outcome).toMatchObject({ code, out: '' })
    expect(outcome.err.slice(0, error.length)).toBe(error)
    expect(outcome.err).not.toContain('hunter22')
  })

  it('a command that is missing or unknown', async () => {
    const texts: string[] = []
    const terminal = {
      err: (text: string) => void texts.push(text),
      out: () => {},
      style: (_: string, text: string) => text,
    } as unknown as Terminal
    expect([await run([], terminal), await run(['explian'], terminal)]).toEqual([2, 2])
    expect(texts.join('')).toContain('a command is missing')
    expect(texts.join('')).toContain('there is no command "explian"')
  })
})

it('what is said about itself: --help, --version, and a body that is packed', async () => {
  expect((await explain(['--help'])).out).toContain('Usage: aplomb explain [file] [options]')
  expect((await explain(['--version'])).out).toBe('1.2.3\n')
  const { out } = await explain(
    [],
    new Uint8Array([...Buffer.from('HTTP/1.1 500 No\nContent-Encoding: gzip\n\n'), 0x1f, 0x8b, 8]),
  )
  expect(out).toContain('curl --compressed')
})

describe('the command itself', () => {
  const command = fileURLToPath(new URL('../../src/command/main.ts', import.meta.url))
  const file = fileURLToPath(new URL('openai.txt', ANSWERS))
  const execute = (args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Outcome> =>
    new Promise((resolve) => {
      const { PATH, SystemRoot } = process.env
      const child = execFile(
        process.execPath,
        [command, 'explain', ...args],
        { env: { PATH, SystemRoot, ...env } },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      )
      child.stdin?.end(input)
    })

  it('has no colours where nobody sees them, and those that are asked for', async () => {
    const [plain, forced, none] = await Promise.all([
      execute([file], {}),
      execute([file], { FORCE_COLOR: '1' }),
      execute([file], { NO_COLOR: '1' }),
    ])
    expect(plain).toEqual({ code: 0, err: '', out: stripVTControlCharacters(plain.out) })
    expect(none).toEqual(plain)
    expect(forced.out).not.toBe(plain.out)
    expect(stripVTControlCharacters(forced.out)).toBe(plain.out)
  })

  it('reads standard input, and exits as it says', async () => {
    expect(await execute([], {}, answer('openai'))).toMatchObject({ code: 0, err: '' })
    expect(await execute([], {}, 'nothing')).toMatchObject({ code: 1, out: '' })
    expect(await execute(['--no'], {})).toMatchObject({ code: 2, out: '' })
  })
})
