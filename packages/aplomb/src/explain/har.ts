import type { Field, SavedAnswer, SavedRequest } from './answers.ts'

/** One exchange of a recording. */
export interface HarEntry {
  /** Its place in the file, from 0. */
  readonly index: number
  readonly request: SavedRequest & { readonly url: string }
  /** Undefined if none came: then `error` may say why. */
  readonly answer: SavedAnswer | undefined
  readonly error: string | undefined
  /** When it was sent, and when the answer's headers came, in epoch milliseconds; undefined if the file does not say. */
  readonly sentAt: number | undefined
  readonly receivedAt: number | undefined
}

/** A recording (HAR 1.2), as far as it could be read. */
export interface Har {
  readonly entries: readonly HarEntry[]
  /** What is wrong with the file, by path. */
  readonly problems: readonly string[]
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const member = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
const stringIn = (value: unknown, name: string): string | undefined => {
  const one = member(value, name)
  return typeof one === 'string' ? one : undefined
}
/** Milliseconds that are some, and not an age. */
const durationIn = (value: unknown, name: string): number => {
  const one = member(value, name)
  return typeof one === 'number' && one > 0 && one < 1e10 ? one : 0
}

const MOST_PROBLEMS = 20

/** What a value is, for people. */
const kindOf = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : `a${/^[aeiou]/.test(typeof value) ? 'n' : ''} ${typeof value}`

const fieldsOf = (value: unknown): readonly Field[] => {
  const list = member(value, 'headers')
  if (!Array.isArray(list)) return []
  return list.flatMap((one): Field[] => {
    const name = stringIn(one, 'name')
    const text = stringIn(one, 'value')
    return name === undefined || text === undefined || name.startsWith(':') ? [] : [[name, text]]
  })
}

const bodyOf = (response: unknown): string => {
  const content = member(response, 'content')
  const text = stringIn(content, 'text') ?? ''
  if (stringIn(content, 'encoding') !== 'base64') return text
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)))
  } catch {
    return text
  }
}

const timesOf = (entry: unknown): { readonly sentAt: number | undefined; readonly receivedAt: number | undefined } => {
  const startedAt = Date.parse(stringIn(entry, 'startedDateTime') ?? '')
  if (!(startedAt >= 0)) return { sentAt: undefined, receivedAt: undefined }
  const timings = member(entry, 'timings')
  const before = ['blocked', 'dns', 'connect'].reduce((sum, name) => sum + durationIn(timings, name), 0)
  const until = durationIn(entry, 'time') - durationIn(timings, 'receive')
  const sentAt = startedAt + before
  return { sentAt, receivedAt: Math.max(sentAt, startedAt + until) }
}

const entryOf = (
  value: unknown,
  index: number,
  problem: (path: string, what: string) => void,
): HarEntry | undefined => {
  const path = `log.entries[${index}]`
  const [request, response] = [member(value, 'request'), member(value, 'response')]
  const url = stringIn(request, 'url')
  const method = stringIn(request, 'method')
  const status = member(response, 'status')
  if (url === undefined) problem(`${path}.request.url`, `is ${kindOf(member(request, 'url'))}, not a string`)
  else if (method === undefined)
    problem(`${path}.request.method`, `is ${kindOf(member(request, 'method'))}, not a string`)
  else if (typeof status !== 'number') problem(`${path}.response.status`, `is ${kindOf(status)}, not a number`)
  if (url === undefined || method === undefined || typeof status !== 'number') return undefined

  const times = timesOf(value)
  if (times.sentAt === undefined) problem(`${path}.startedDateTime`, 'is no date: its waits cannot be judged')
  const body = stringIn(member(request, 'postData'), 'text')
  const asked = { method, url, headers: fieldsOf(request), body }
  const answer = {
    // Chrome writes http/2.0 and h3, others nothing.
    version: `HTTP/${/\d(?:\.\d)?/.exec(stringIn(response, 'httpVersion') ?? '')?.[0] ?? '1.1'}`,
    status,
    statusText: stringIn(response, 'statusText') ?? '',
    headers: fieldsOf(response),
    body: bodyOf(response),
    request: asked,
    receivedAt: times.receivedAt,
  }
  // Browsers write 0 where no answer came.
  const error = stringIn(response, '_error') ?? stringIn(value, '_error')
  return { index, request: asked, answer: status > 0 ? answer : undefined, error, ...times }
}

/** Reads a recording. Takes any JSON there is, and says what is wrong with it. */
export const parseHar = (value: unknown): Har => {
  const problems: string[] = []
  let more = 0
  const problem = (path: string, what: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(`${path} ${what}`)
    else more++
  }
  const list = member(member(value, 'log'), 'entries')
  if (!Array.isArray(list)) problem('log.entries', `is ${kindOf(list)}, not a list: this is no HAR file`)
  const entries = (Array.isArray(list) ? list : []).flatMap((one: unknown, index) => entryOf(one, index, problem) ?? [])
  if (more > 0) problems.push(`and ${more} more`)
  return { entries, problems }
}
