import type { MockApiStats } from '@aplomb/mock-api'
import type { Result } from './run.ts'

/** One line of the table: what is told, and each client's figure. */
export interface Row {
  readonly label: string
  readonly cells: readonly string[]
}

export const tooMany = ({ rejections }: MockApiStats): number => rejections.window + rejections.concurrency
export const serverErrors = ({ rejections }: MockApiStats): number => rejections.outage

/** Lookups that came to something: the news that there is no record is an answer. */
export const answersOf = ({ answered, empty }: Result): number => answered + empty

/** Requests that the server got for each of them. */
export const requestsPerAnswer = (result: Result): number => result.server.requests / answersOf(result)

/** The least time for what this client got, as a share of the time it took. */
export const share = ({ leastMs, wallMs }: Result): number => leastMs / wallMs

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const percent = (part: number): string => `${Math.floor(part * 100)} %`
const ratio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–')

const ROWS: readonly (readonly [string, (result: Result) => string])[] = [
  ['Answered', (result) => String(answersOf(result))],
  ['– with no record (404)', ({ empty }) => String(empty)],
  ['Failed', ({ failed }) => String(failed)],
  ['Requests sent', ({ server }) => String(server.requests)],
  ['Requests per answer', (result) => ratio(requestsPerAnswer(result))],
  ['429s received', ({ server }) => String(tooMany(server))],
  ['5xx received', ({ server }) => String(serverErrors(server))],
  ['Credits spent', ({ server }) => String(server.creditsSpent)],
  ['Wall time', ({ wallMs }) => seconds(wallMs)],
  ['Least time for these answers', ({ leastMs }) => seconds(leastMs)],
  ['Share of what the API can give', (result) => percent(share(result))],
]

/** The table, the same on the terminal and in the report. */
export const rowsOf = (results: readonly Result[]): readonly Row[] =>
  ROWS.map(([label, figure]) => ({ label, cells: results.map(figure) }))

/** What happened to each client, in a sentence or two. */
export const storyOf = (results: readonly Result[]): readonly string[] => results.map(story)

const story = (result: Result): string => {
  const { client, lookups, empty, failed, errors, wallMs, server } = result
  const per = ratio(requestsPerAnswer(result))
  const api = `The API ${often('told it to slow down', tooMany(server))} (429) and ${often('failed', serverErrors(server))} (5xx).`
  if (failed === 0) {
    const none = empty > 0 ? `, ${empty} of them with the news that there is no record` : ''
    return (
      `${client} got all ${lookups} lookups answered${none}, in ${seconds(wallMs)} with ${per} requests per answer: ` +
      `${percent(share(result))} of what the API can physically give. ${api}`
    )
  }
  const [first = '', second, ...more] = Object.entries(errors)
    .toSorted(([, a], [, b]) => b - a)
    .map(([message, count]) => `${count} × ${message}`)
  const reasons = [first, ...(second === undefined ? [] : [second]), ...(more.length > 0 ? ['others'] : [])].join(', ')
  const got = answersOf(result)
  const cost = got > 0 ? `${per} for each answer` : 'for nothing'
  return (
    `${client} gave up on ${failed} of ${lookups} lookups after ${seconds(wallMs)} (${reasons}), having got ` +
    `${got} answered. It sent ${server.requests} requests, ${cost}. ${api}`
  )
}

const often = (verb: string, count: number): string => {
  if (count === 0) return `never ${verb}`
  return `${verb} ${count === 1 ? 'once' : `${count} times`}`
}
