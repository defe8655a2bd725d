import { leastTimeMs, type MockApiStats } from '@aplomb/mock-api'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { hasRedis } from '../src/fleet/redis-server.ts'
import type { PageData } from '../src/main-job/page.ts'
import type { Result } from '../src/main-job/run.ts'
import type { Settings } from '../src/main-job/settings.ts'
import type { Timeline } from '../src/main-job/timeline.ts'

const main = fileURLToPath(new URL('../src/main-job/main.ts', import.meta.url))

// Each test starts a process of its own.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const small = '--lookups 40 --rate 200 --latency-ms 20 --outage-at 60 --outage-ms 200 --missing 0.2 --seed 7'
let folder: string
let both: ReturnType<typeof job>
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'main-job-'))
  // Awaited last: it takes some seconds of waiting, which the other tests can use.
  both = job(...small.split(' '), '--json', '--report', 'both.html')
})
afterAll(() => rmSync(folder, { recursive: true }))

const start = (args: readonly string[]) =>
  spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, DEBUG: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

const finish = async (child: ReturnType<typeof start>) => {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { code, stdout, stderr }
}

const job = (...args: readonly string[]) => finish(start(args))

interface Run extends Omit<Result, 'attempts'> {
  readonly timeline: Timeline
}

interface Output {
  readonly settings: Settings
  readonly runs: readonly Run[]
  readonly report: string
}

/** The printed table, by label; one cell for each client. */
const tableIn = (text: string): Record<string, readonly string[]> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .map((line) => line.split('│').slice(1, -1))
      .map(([label = '', ...cells]) => [label.trim(), cells.map((cell) => cell.trim())]),
  )

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const refusals = ({ rejections }: MockApiStats) => rejections.window + rejections.concurrency

test('a lookup that aplomb cannot get answered makes the exit code 1', async () => {
  const broke = '--only aplomb --lookups 3 --credits 1 --outage-ms 0 --report broke.html'
  const { code, stdout } = await job(...broke.split(' '))
  expect(code).toBe(1)
  expect(tableIn(stdout)).toMatchObject({ Answered: ['1'], Failed: ['2'], 'Requests per answer': ['3.00'] })
  expect(stdout).toContain('aplomb gave up on 2 of 3 lookups')
})

test('Ctrl-C ends the job at once, without a report', async () => {
  const child = start(['--only', 'aplomb', '--report', 'stopped.html'])
  child.stderr.once('data', () => child.kill('SIGINT'))
  expect(await finish(child)).toMatchObject({ code: 130 })
  expect(existsSync(join(folder, 'stopped.html'))).toBe(false)
})

test('--help lists the options with their defaults', async () => {
  const { code, stdout } = await job('--help')
  expect(code).toBe(0)
  for (const text of ['--lookups <n>', '(default: 400)', '(default: 0.05)', '"ietf"', 'demo-report.html']) {
    expect(stdout).toContain(text)
  }
})

test('an option that makes no sense ends with code 2, is named, and nothing runs', async () => {
  const mistakes = [
    ['--lookups', '0'],
    ['--rate', 'many'],
    ['--missing', '1.5'],
    ['--only', 'axios'],
    ['--dialect', 'klingon'],
    ['--report', join('nowhere', 'report.html')],
    ['--speed', '3'],
    ['--silent', '--dialect', 'ietf'],
  ] as const
  const finished = await Promise.all(mistakes.map((args) => job(...args)))
  finished.forEach(({ code, stdout, stderr }, i) => {
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(mistakes[i]?.[0])
  })
})

describe('a small job, both clients', () => {
  let code: number | null
  let stderr: string
  let output: Output
  let html: string
  beforeAll(async () => {
    const finished = await both
    ;({ code, stderr } = finished)
    output = JSON.parse(finished.stdout)
    html = readFileSync(join(folder, 'both.html'), 'utf8')
  })

  test('aplomb answers all, and the exit code says so', () => {
    expect(code).toBe(0)
    expect(output.runs.map(({ client }) => client)).toEqual(['naive', 'aplomb'])
    const [, aplomb] = output.runs
    expect(aplomb).toMatchObject({ lookups: 40, failed: 0, errors: {} })
    expect(aplomb?.empty).toBeGreaterThan(0)
    expect(stderr).toContain('aplomb got all 40 lookups answered')
  })

  test('the table says what the servers counted', () => {
    const servers = output.runs.map(({ server }) => server)
    expect(tableIn(stderr)).toMatchObject({
      '': ['naive', 'aplomb'],
      'Requests sent': servers.map(({ requests }) => String(requests)),
      '429s received': servers.map((server) => String(refusals(server))),
      '5xx received': servers.map(({ rejections }) => String(rejections.outage)),
      'Credits spent': servers.map(({ creditsSpent }) => String(creditsSpent)),
    })
    for (const { server } of output.runs) {
      const { requests, served, empty, rejections } = server
      expect(requests).toBe(served + empty + rejections.outage + refusals(server))
      expect(server.creditsSpent).toBe(served)
    }
  })

  test('the table says what came of the lookups', () => {
    const figures = (of: (run: Run) => number | string) => output.runs.map((run) => String(of(run)))
    expect(tableIn(stderr)).toMatchObject({
      Answered: figures(({ answered, empty }) => answered + empty),
      '– with no record (404)': figures(({ empty }) => empty),
      Failed: figures(({ failed }) => failed),
      'Requests per answer': figures(({ server, answered, empty }) =>
        (server.requests / (answered + empty)).toFixed(2),
      ),
      'Wall time': figures(({ wallMs }) => `${(wallMs / 1000).toFixed(1)} s`),
      'Share of what the API can give': figures(({ leastMs, wallMs }) => `${Math.floor((leastMs / wallMs) * 100)} %`),
    })
    for (const { answered, empty, failed, errors } of output.runs) {
      expect(answered + empty + failed).toBe(40)
      expect(sum(Object.values(errors))).toBe(failed)
    }
  })

  test('what the clients saw is what the servers did', () => {
    for (const { timeline, server, answered } of output.runs) {
      expect(server.served).toBe(answered)
      expect(sum(timeline.answered)).toBe(server.served + server.empty)
      expect(sum(timeline.tooMany)).toBe(refusals(server))
      expect(sum(timeline.serverErrors)).toBe(server.rejections.outage)
      expect(sum(timeline.other)).toBe(0)
    }
  })

  test('the least time is that of the API as configured', () => {
    const [, aplomb] = output.runs
    const api = {
      seed: 7,
      windows: [{ limit: 200, windowMs: 1000 }],
      concurrency: 5,
      credits: { balance: 10_000 },
      latencyMs: [10, 30],
      outages: [{ fromMs: 60, toMs: 260 }],
      empty: 0.2,
    } as const
    expect(aplomb?.leastMs).toBe(leastTimeMs(api, 40))
    expect(aplomb?.wallMs).toBeGreaterThanOrEqual(aplomb?.leastMs ?? Infinity)
  })

  test('the report has both series and the table', () => {
    const [, text = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html) ?? []
    const { runs } = JSON.parse(text) as PageData
    expect(runs.map(({ client, timeline }) => ({ client, timeline }))).toEqual(
      output.runs.map(({ client, timeline }) => ({ client, timeline })),
    )
    for (const [label, cells] of Object.entries(tableIn(stderr))) {
      if (label !== '') expect(html).toContain(`${label}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}`)
    }
    for (const { client } of runs) expect(html).toContain(`id="${client}-answers"`)
    const headlines = Array.from(html.matchAll(/<b>(\d+) of 40<\/b>answered/g), ([, answers]) => answers)
    expect(headlines).toEqual(tableIn(stderr)['Answered'])
    // The naive client takes a 404 for a failure, and asks again.
    expect(String(sum(runs.at(-1)?.timeline.answered ?? []))).toBe(headlines.at(-1))
  })

  test('the report needs nothing from outside', () => {
    expect(html).not.toMatch(/https?:|\bsrc=|\bhref=|@import|url\(/)
    expect(html).toContain(`default-src 'none'`)
    expect(html).toContain('Copyright (c) 2022 Leon Sorokin')
  })

  test('the path of the report is printed, relative', () => {
    expect(output.report).toBe('both.html')
    expect(stderr).toContain('The timeline of both runs: both.html')
  })
})

// Seven processes start, two at a time on a small machine.
test.skipIf(!hasRedis)(
  'several processes do the job, each for itself and as one fleet',
  async () => {
    const { code, stdout } = await job(...small.split(' '), '--fleet', '3', '--json', '--report', 'fleet.html')
    const { runs } = JSON.parse(stdout) as { readonly runs: readonly Result[] }
    expect(runs.map(({ client, answered, empty }) => [client, answered + empty])).toEqual([
      ['apart', 40],
      ['fleet', 40],
    ])
    expect(readFileSync(join(folder, 'fleet.html'), 'utf8')).toContain('<h2>fleet</h2>')
    expect(code).toBe(0)
  },
  120_000,
)
