import { boolean, guarded, notify } from '@aplomb/pipeline'
import type { Debugger } from 'debug'
import type { Level, LogRecord } from './record.ts'
import { sentence } from './sentence.ts'

/** What pino, winston, console and most other loggers have in common. */
export interface Logger {
  info(...args: readonly unknown[]): unknown
  warn(...args: readonly unknown[]): unknown
  error(...args: readonly unknown[]): unknown
}

/** Gets every record. What it throws or rejects with is reported and dropped; it is never waited for. */
export type Sink = (record: LogRecord) => unknown

/** Where records go. */
export interface Output {
  /** Whether anybody would see any record. */
  isOn(): boolean
  /** Whether anybody would see this kind of record. Ask before building it. */
  wants(event: LogRecord['event'], level: Level): boolean
  write(record: LogRecord): unknown
}

const RANK: Readonly<Record<Level, number>> = { info: 0, warn: 1, error: 2 }

/** As `debug` has it: in the environment, which Deno asks its user for, or in the browser's storage. */
const namespaces = (): unknown => {
  const here = globalThis as Surroundings
  const { Deno, process } = here
  try {
    if (Deno && Deno.permissions.querySync({ name: 'env', variable: 'DEBUG' }).state !== 'granted') return undefined
    // A server's storage is none, and Node says so aloud whenever it is looked at.
    if (process?.versions?.['node'] !== undefined) return process.env?.['DEBUG']
    return here.localStorage?.getItem('debug') ?? here.localStorage?.getItem('DEBUG') ?? process?.env?.['DEBUG']
  } catch {
    // A page may be forbidden its storage.
    return undefined
  }
}

/** What there may be of it. */
interface Surroundings {
  readonly Deno?: { readonly permissions: { querySync(descriptor: object): { readonly state: string } } }
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>
    readonly versions?: Readonly<Record<string, string | undefined>>
  }
  readonly localStorage?: { getItem(name: string): string | null }
}

type Printers = Readonly<Record<LogRecord['event'], Debugger>>

/** A line for people: by its call's id the lines of a call are found. */
const line = (record: LogRecord): string => {
  const { event, call } = record
  return `${event === 'attempt' || event === 'retry' || event === 'call' ? `${call} ` : ''}${sentence(record)}`
}

/** `debug` is loaded when somebody listens: it looks at the environment as soon as it is there. */
const toDebug = (): Output => {
  let printers: Printers | undefined
  let loading: Promise<void> | undefined
  const load = async (): Promise<void> => {
    const { default: createDebug } = await import('debug')
    const printer = (event: LogRecord['event']): Debugger => createDebug(`aplomb:${event}`)
    printers = {
      attempt: printer('attempt'),
      retry: printer('retry'),
      call: printer('call'),
      hold: printer('hold'),
      limit: printer('limit'),
      alert: printer('alert'),
    }
  }
  // Data in the format string would be taken for formats.
  const print = (record: LogRecord): void => printers?.[record.event]('%s', line(record))
  return {
    isOn: () => (printers ? Object.values(printers).some(({ enabled }) => enabled) : Boolean(namespaces())),
    wants: (event) => (printers ? printers[event].enabled : Boolean(namespaces())),
    write: (record) => (printers ? print(record) : (loading ??= load()).then(() => print(record))),
  }
}

/** pino and winston know which levels are on. What cannot tell gets everything. */
const hearing = (logger: Logger): ((level: Level) => boolean) => {
  const { isLevelEnabled } = logger as { isLevelEnabled?: unknown }
  if (typeof isLevelEnabled !== 'function') return () => true
  return guarded((level: Level) => isLevelEnabled.call(logger, level) as boolean, {
    name: "a logger's isLevelEnabled",
    answers: boolean,
    instead: 'all levels are on',
    fallback: () => true,
  })
}

/** A console is read by people, and shows no time by itself. */
const isConsole = (logger: Logger): boolean => 'table' in logger && 'group' in logger

/** When what a sentence tells was over. */
const toldAt = (record: LogRecord): string =>
  record.event === 'attempt'
    ? new Date(Date.parse(record.timestamp) + record.headersMs).toISOString()
    : record.timestamp

const toLogger = (logger: Logger): Output => {
  // winston puts a second argument's message behind the first's, and drops it where the text has a %s; a single object is taken as it is.
  const takesOne = 'transports' in logger
  const forPeople = isConsole(logger)
  const hears = hearing(logger)
  return {
    isOn: () => hears('error'),
    wants: (_event, level) => hears(level),
    write: (record) => {
      if (forPeople) return logger[record.level](`${toldAt(record)} ${line(record)}`)
      const text = sentence(record)
      // Loggers have a level and a message of their own, and pino would write both.
      const { level, message, ...rest } = record
      const fields = message === undefined ? rest : { ...rest, detail: message }
      return takesOne ? logger[level]({ ...fields, message: text }) : logger[level](fields, text)
    },
  }
}

export const outputTo = (sink: Sink | Logger | undefined, least: Level): Output => {
  if (sink === undefined) return atLeast(least, toDebug())
  if (typeof sink === 'function') return atLeast(least, { isOn: () => true, wants: () => true, write: sink })
  return atLeast(least, toLogger(sink))
}

const atLeast = (least: Level, { isOn, wants, write }: Output): Output => ({
  isOn,
  wants: (event, level) => RANK[level] >= RANK[least] && wants(event, level),
  write: (record) => notify(write, record),
})
