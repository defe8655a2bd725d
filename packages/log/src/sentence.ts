import type { LogRecord } from './record.ts'

const NEXT = { retry: 'sent again', return: 'returned', throw: 'thrown' } as const

/** A record in one line, for people. */
export const sentence = (record: LogRecord): string => {
  const what = `${record.method} ${record.endpoint}`
  if (record.event === 'retry') return `${what}: again in ${record.waitMs} ms (${record.by}: ${record.message})`
  const { verdict, evidence, durationMs, attempt, message } = record
  const why = verdict === 'ok' ? evidence : `${verdict} (${evidence})`
  const said = message === undefined ? '' : `: ${message}`
  if (record.event === 'call')
    return `${what}: ${why} in ${durationMs} ms, ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}${said}`
  return `${what}: attempt ${attempt}: ${why} in ${durationMs} ms, ${NEXT[record.next]}${said}`
}
