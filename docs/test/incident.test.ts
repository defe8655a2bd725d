import createDebug from 'debug'
import pino from 'pino'
import { Writable } from 'node:stream'
import { format } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import winston from 'winston'
import type { AplombOptions } from 'aplomb'
import { incident } from '../examples/incident.ts'

const KEY = 'plantedAsKey7Zt41'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  createDebug.disable()
  vi.useRealTimers()
})

interface Told {
  readonly log: AplombOptions['log']
  /** All that was written. */
  readonly written: string[]
  /** What a person reads in a line. */
  readonly textOf: (line: string) => string
}

const lines = (): { written: string[]; stream: Writable } => {
  const written: string[] = []
  const write = (chunk: Buffer, _: unknown, done: () => void): void => {
    written.push(chunk.toString().trim())
    done()
  }
  return { written, stream: new Writable({ write }) }
}

const field =
  (name: string) =>
  (line: string): string =>
    (JSON.parse(line) as Record<string, string>)[name] ?? ''

const SINKS: Readonly<Record<string, () => Told>> = {
  pino: () => {
    const { written, stream } = lines()
    return { written, log: { sink: pino(stream) }, textOf: field('msg') }
  },
  winston: () => {
    const { written, stream } = lines()
    const sink = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
    return { written, log: { sink }, textOf: field('message') }
  },
  console: () => {
    const written: string[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((...args) => void written.push(format(...args)))
    return {
      written,
      log: { sink: console },
      textOf: (line) => line.replace(/^\S+Z ([a-z\d]+-[a-z\d]+ (?=GET ))?/, ''),
    }
  },
  DEBUG: () => {
    const written: string[] = []
    vi.spyOn(createDebug, 'log').mockImplementation((...args: unknown[]) => void written.push(format(...args)))
    createDebug.enable('aplomb:*')
    return {
      written,
      log: undefined,
      textOf: (line) => line.replace(/^\S+Z aplomb:[a-z]+ ([a-z\d]+-[a-z\d]+ (?=GET ))?/, ''),
    }
  },
}

/** What happened, why calls waited, and what to do: each in a line of its own, in this order. */
const STORY = [
  /^https:\/\/api\.test: 3 calls at once instead of 4, \d+ in line \(refused with 4 in flight\)$/,
  /^GET \/v1\/lookup\/:id: 200 in \d+ ms, after \d+ ms in the queue \(place \d+, 3 at once\)$/,
  /^https:\/\/api\.test: all calls wait for \d+ ms \(retry-after: what the server has announced is used up until its reset\)$/,
  /^GET \/v1\/lookup\/:id: 200 in \d+ ms, after .*\d+ ms on hold$/,
  /^GET \/v1\/lookup\/:id: 503 in \d+ ms.*: overloaded, to be sent again: "Something went wrong on our side\."$/,
  /^https:\/\/api\.test: \d calls? at once instead of \d, \d+ in line \(overloaded\)$/,
  /^https:\/\/api\.test: calls wait but for single ones, \d+ in line \(the server fails: probing\)$/,
  /^GET \/v1\/lookup\/:id: ended with 200 after 2 attempts and \d+ ms \(\d+ ms in the queue, .*backing off and \d+ ms for the answers\)$/,
  /^quota-exhausted on https:\/\/api\.test: 402, .* \(alert of credit-meter: quota-exhausted\); to do: pay, or wait for the next period$/,
  /^GET \/v1\/report: ended with 401 after \d+ ms: unauthenticated.*: "Unknown key \[redacted\]"; to do: fix the key$/,
]

describe('the log of an incident tells what happened, why calls waited and what to do', () => {
  it.each(Object.entries(SINKS))('%s', async (_, start) => {
    vi.stubEnv('DEBUG', 'aplomb:*')
    const { log, written, textOf } = start()
    const all = incident(log, KEY)
    await vi.advanceTimersByTimeAsync(20_000)
    await all
    await vi.dynamicImportSettled()
    expect(written.join('\n')).not.toContain(KEY)
    const texts = written.map(textOf)
    let at = -1
    for (const sign of STORY) {
      const next = texts.findIndex((text, i) => i > at && sign.test(text))
      expect(next, `${sign} after line ${at + 1} of\n${texts.join('\n')}`).toBeGreaterThan(at)
      at = next
    }
    // Of what concerns all calls few lines tell, and none is a page.
    expect(texts.filter((text) => /^https:|alert of/.test(text)).length).toBeLessThan(15)
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(500)
  })
})
