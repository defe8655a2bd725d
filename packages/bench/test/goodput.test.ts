import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bestPeer, reaches, type Result, resultOf, type Row, summary } from '../src/goodput/figures.ts'
import type { PageData } from '../src/goodput/page.ts'
import type { Run } from '../src/goodput/run.ts'
import { MODES } from '../src/sim/modes.ts'

const main = fileURLToPath(new URL('../src/goodput/main.ts', import.meta.url))

// Processes of their own, over real HTTP.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'goodput-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const bench = async (...args: readonly string[]) => {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, DEBUG: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { code, stdout, stderr }
}

interface Output {
  readonly runs: number
  readonly rows: readonly Row[]
}

const MODE = '20 workers, 10 % fail'

describe('a run over real HTTP', () => {
  let code: number | null
  let stdout: string
  let stderr: string
  let row: Row
  beforeAll(async () => {
    const args = [
      '--modes',
      '20 workers',
      '--clients',
      'aplomb,cockatiel',
      '--json',
      'all.json',
      '--report',
      'all.html',
    ]
    ;({ code, stdout, stderr } = await bench(...args))
    row = (JSON.parse(readFileSync(join(folder, 'all.json'), 'utf8')) as Output).rows[0]!
  })

  test('leaves no call of aplomb without an answer', () => {
    expect(row.results.map(({ client }) => client)).toEqual(['aplomb', 'cockatiel'])
    expect(row.results[0]).toMatchObject({ calls: 400, answered: 400, lost: 0 })
    expect(code).toBe(0)
  })

  test('has the figures that the server counted', () => {
    for (const { answered, sent, share, lost, calls, doneMs, runs } of row.results) {
      const [run] = runs
      expect(runs).toHaveLength(1)
      const { server, errors, wallMs, leastMs } = run!
      expect(server.exempt).toBe(250)
      expect(server.served).toBe(answered)
      expect(server.requests).toBe(
        server.served + Object.values(server.rejections.flaky).reduce((a, b) => a + b, server.rejections.concurrency),
      )
      expect(sent).toBe(server.requests / server.served)
      expect(share).toBe(leastMs / wallMs)
      expect(doneMs).toBe(wallMs)
      expect(Object.values(errors).reduce((a, b) => a + b, 0)).toBe(lost)
      expect(answered + lost).toBe(calls)
      expect(share).toBeLessThan(1)
    }
  })

  test('prints them in two tables, and its progress on standard error', () => {
    const lines = stdout.trim().split('\n')
    const [ours, peer] = row.results
    expect(lines[2]).toContain(`| ${MODE} | `)
    expect(lines[2]).toContain(`${ours!.share.toFixed(2)} (${ours!.sent.toFixed(2)})`)
    expect(lines.at(-2)).toContain(`| aplomb | 400 of 400 | ${ours!.share.toFixed(2)} |`)
    expect(lines.at(-1)).toContain(`| cockatiel | ${peer!.answered} of 400 | ${peer!.share.toFixed(2)}`)
    expect(stderr).toMatch(/^1\/1 20 workers, 10 % fail: aplomb [\d.]+ \([\d.]+\), cockatiel [\d.]+ \([\d.]+\)\n$/)
  })

  test('draws them in one file that loads nothing', () => {
    const html = readFileSync(join(folder, 'all.html'), 'utf8')
    const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)![1]!) as PageData
    expect(data.modes).toEqual([MODE])
    expect(data.clients).toEqual(['aplomb', 'cockatiel'])
    expect(data.charts.find(({ id }) => id === 'sent')!.values).toEqual(row.results.map(({ sent }) => [sent]))
    expect(html).not.toMatch(/(?:src|href)=|https?:\/\//)
  })
})

describe('the figures', () => {
  const mode = MODES[0]!
  const one = (answered: number, wallMs: number, requests: number): Run =>
    ({ calls: 100, answered, wallMs, leastMs: 1000, errors: {}, server: { requests } }) as unknown as Run
  const result = (client: Result['client'], ...runs: readonly Run[]) => resultOf(mode.name, client, runs)

  test('are medians over the runs', () => {
    const { answered, share, sent, doneMs } = result(
      'aplomb',
      one(100, 4000, 110),
      one(90, 1000, 180),
      one(100, 2000, 150),
    )
    expect({ answered, share, sent, doneMs }).toEqual({ answered: 100, share: 0.5, sent: 1.5, doneMs: 2000 })
    expect(result('aplomb', one(100, 1000, 100), one(100, 2000, 100)).doneMs).toBe(1500)
  })

  test('compare by what was answered: giving up is quick', () => {
    const row: Row = {
      mode,
      results: [
        result('aplomb', one(100, 1020, 101)),
        result('ky', one(49, 100, 400)),
        result('got', one(80, 1000, 200)),
        result('bottleneck', one(100, 1200, 120)),
      ],
    }
    expect(bestPeer(row)!.client).toBe('bottleneck')
    expect(bestPeer({ mode, results: row.results.slice(0, 3) })!.client).toBe('got')
    expect(bestPeer({ mode, results: row.results.slice(0, 2) })).toBe(undefined)
    expect(summary([row]).split('\n').at(-1)).toBe(
      `| ${mode.name} | bottleneck 0.83 (1.20) | 0.98 (1.01) | 0.95 (1.05) | ✓ |`,
    )
  })

  test('reach a bar only with all calls answered, and by time where the bar is one', () => {
    expect(reaches(mode, result('aplomb', one(100, 1050, 105)))).toBe(true)
    expect(reaches(mode, result('aplomb', one(99, 1050, 100)))).toBe(false)
    expect(reaches(mode, result('aplomb', one(100, 1050, 106)))).toBe(false)
    expect(reaches(mode, result('aplomb', one(100, 1060, 105)))).toBe(false)
    expect(reaches({ ...mode, doneMs: 5000 }, result('aplomb', one(100, 5000, 105)))).toBe(true)
    expect(reaches({ ...mode, doneMs: 5000 }, result('aplomb', one(100, 5001, 105)))).toBe(false)
  })
})

test.each([
  [['--modes', 'nonsense'], 'Nothing is called "nonsense"'],
  [['--clients', 'ky,'], 'Nothing is called ""'],
  [['--runs', '0'], 'a whole number from 1 to 100'],
  [['--json', '.'], 'this is a folder'],
])('%s makes no sense', async (args, message) => {
  const { code, stdout, stderr } = await bench(...args)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
  expect(stdout).toBe('')
})
