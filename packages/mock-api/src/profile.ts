import type { Hono } from 'hono'
import { frames } from './bodies.ts'
import type { WindowReport } from './dialects.ts'
import type { Charge } from './gates.ts'
import type { Settings, WindowSettings } from './options.ts'
import { hash, type Random, randomFrom } from './random.ts'
import { createWindow, type Window } from './windows.ts'

/** A window of a vendor's, as documented. */
export interface ProfileWindow {
  readonly kind: 'fixed' | 'bucket'
  readonly limit: number
  readonly windowMs: number
  /** What a bucket holds when full. @default limit */
  readonly burst?: number | undefined
  /** One window for each route, in place of one for all. */
  readonly per?: 'route' | undefined
}

/** Overrides a window of the profile; members left out keep the vendor's value. */
export interface LimitOptions {
  readonly limit?: number | undefined
  readonly windowMs?: number | undefined
  /** What a bucket holds when full. */
  readonly burst?: number | undefined
}

/** The profile's limits, each as `false` for none; `concurrency` and `credits` as numbers. */
export type ProfileLimits<Name extends string> = string extends Name
  ? Readonly<Record<string, LimitOptions | number | false | undefined>>
  : { readonly [One in Name]?: (One extends 'concurrency' | 'credits' ? number : LimitOptions) | false | undefined }

/** What the vendor keeps between requests, until `reset()`. */
export interface Memory {
  get(key: string): unknown
  set(key: string, value: unknown): void
  delete(key: string): void
  keys(): Iterable<string>
}

/** A request, as a profile sees it. */
export interface Call<Name extends string = string> {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  /** By pattern, such as `POST /v1/messages`; undefined where there is none. */
  readonly route: string | undefined
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Of JSON, or the fields of a form; undefined where it is neither. */
  readonly body: unknown
  /** Unlike that of any other request: 24 hexadecimal digits. */
  readonly id: string
  /** The same for requests with the same content. */
  readonly random: Random
  readonly memory: Memory
  /** Takes more of a window now that it is known what the answer took, or gives back. */
  take(name: Name, more: number): void
  /** A window as it stands now. */
  window(name: Name): WindowReport | undefined
  /** Infinity is left where there are no credits. */
  credits(): { readonly spent: number; readonly left: number }
}

export interface Reply {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes or a string as they are, anything else as JSON. */
  readonly body?: unknown
  /** The body of an event stream, frame by frame. */
  readonly events?: readonly string[]
}

/** What each answer can tell about the limits. */
export interface Standing<Name extends string = string> {
  /** Those that count this request. */
  readonly windows: { readonly [One in Name]?: WindowReport }
  /** Of those that count for the ceiling. */
  readonly inFlight: number
  /** Infinity where there is no ceiling. */
  readonly concurrency: number
  readonly charged: number
  /** Infinity where there are no credits. */
  readonly creditsLeft: number
  readonly nowMs: number
}

/** A window that has no room for a request. */
export interface Exceeded<Name extends string = string> {
  readonly name: Name
  readonly window: WindowReport
  readonly requested: number
}

/** Why a request is not answered by its route. */
export type Problem<Name extends string = string> =
  | (Exceeded<Name> & { readonly reason: 'window'; readonly waitMs: number })
  /** It would not fit into the whole window. */
  | (Exceeded<Name> & { readonly reason: 'size' })
  | { readonly reason: 'concurrency' | 'credits' | 'route' }
  | { readonly reason: 'lock'; readonly lock: string }
  | { readonly reason: 'failure'; readonly status: number; readonly waitMs?: number | undefined }

type Of<Name extends string, Reason> = Extract<Problem<Name>, { readonly reason: Reason }>

/** The answer to each, of those that a vendor's limits can bring about. */
export interface Problems<Name extends string = string> {
  window?(problem: Of<Name, 'window'>, call: Call<Name>): Reply
  size?(problem: Of<Name, 'size'>, call: Call<Name>): Reply
  concurrency?(problem: Of<Name, 'concurrency'>, call: Call<Name>): Reply
  credits?(problem: Of<Name, 'credits'>, call: Call<Name>): Reply
  lock?(problem: Of<Name, 'lock'>, call: Call<Name>): Reply
  /** There is no such route. */
  route(problem: Of<Name, 'route'>, call: Call<Name>): Reply
  /** An error of the server's own, in an outage or by chance. */
  failure(problem: Of<Name, 'failure'>, call: Call<Name>): Reply
}

export type Handler<Name extends string = string> = (
  call: Call<Name>,
  params: Readonly<Record<string, string>>,
) => Reply

/** A vendor as a whole: its routes and limits, and how it speaks of them. */
export interface Profile<Name extends string = string> {
  readonly name: string
  /** As documented for a usual plan; `false` for those that are none until somebody sets them. */
  readonly limits: Readonly<Record<Name, ProfileWindow | number | false>>
  readonly routes: Readonly<Record<string, Handler<Name>>>
  /** What a request takes of each window that counts it. */
  weigh(call: Call<Name>): { readonly [One in Name]?: number }
  /** What it costs of the credits. @default 1 */
  cost?(call: Call<Name>): number
  /** Whether it counts for the ceiling. @default each does */
  isCounted?(call: Call<Name>): boolean
  /** What only one request at a time may have. */
  locks?(call: Call<Name>): readonly string[]
  /** The answer to who may not come in. */
  admit?(call: Call<Name>): Reply | undefined
  /** The headers of every answer. */
  headers?(standing: Standing<Name>, call: Call<Name>): Readonly<Record<string, string>>
  readonly problems: Problems<Name>
}

/** A profile with the limits that it has here. */
export interface ProfileSettings {
  readonly profile: Profile
  readonly windows: ReadonlyMap<string, ProfileWindowSettings>
}

export type ProfileWindowSettings = WindowSettings & Pick<ProfileWindow, 'per'>

/** What a request takes of the windows, each of which comes into being with the first request that it counts. */
export type Pools = (call: Call, now: number) => readonly Charge[]

export const createPools = ({ profile, windows }: ProfileSettings): Pools => {
  const pools = new Map<string, Window>()
  return (call, now) =>
    Object.entries(profile.weigh(call)).flatMap(([name, weight = 0]) => {
      const settings = windows.get(name)
      if (settings === undefined) return []
      const key = settings.per === 'route' ? `${name} ${call.route}` : name
      const window = pools.get(key) ?? createWindow(settings, 0, now)
      pools.set(key, window)
      return { window, weight }
    })
}

/** More than a test keeps, so that it is only a bound. */
const MAX_MEMORIES = 10_000

export const newMemory = (): Memory => {
  const kept = new Map<string, unknown>()
  return {
    get: (key) => kept.get(key),
    set(key, value) {
      kept.set(key, value)
      const [oldest] = kept.keys()
      if (kept.size > MAX_MEMORIES && oldest !== undefined) kept.delete(oldest)
    },
    delete: (key) => void kept.delete(key),
    keys: () => kept.keys(),
  }
}

/** What is known of a request before it is counted. */
export type Content = Omit<Call, 'take' | 'window' | 'credits' | 'memory' | 'id'>

/** Reads a copy: the request may go on to routes of the user's own. */
export const readContent = async (
  { seed }: Settings,
  request: Request,
  route: string | undefined,
): Promise<Content> => {
  const { method, headers } = request
  const bytes = new Uint8Array(await request.clone().arrayBuffer())
  const random = randomFrom(seed, 'profile', method, request.url, hash(bytes))
  const body = bodyOf(headers.get('content-type') ?? '', bytes)
  return { method, url: new URL(request.url), headers, route, bytes, body, random }
}

/** The call that no window counts. */
export const unlimited = (content: Content, memory: Memory): Call => ({
  ...content,
  memory,
  id: idOf(0, hash(content.bytes)),
  take() {},
  window: () => undefined,
  credits: () => ({ spent: 0, left: Infinity }),
})

const bodyOf = (contentType: string, bytes: Uint8Array): unknown => {
  const text = new TextDecoder().decode(bytes)
  if (contentType.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text))
  if (!/json/.test(contentType)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const idOf = (seed: number, index: number): string => {
  const random = randomFrom(seed, 'id', index)
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return part() + part() + part()
}

const toResponse = ({ status = 200, headers = {}, body, events }: Reply): Response => {
  if (events !== undefined) {
    return new Response(frames(events), { status, headers: { 'content-type': 'text/event-stream', ...headers } })
  }
  if (body === undefined) return new Response(null, { status, headers })
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return new Response(body as string | Uint8Array<ArrayBuffer>, { status, headers })
  }
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

export const word = ({ problems }: Profile, problem: Problem, call: Call): Response => {
  const own = problems[problem.reason] as ((problem: Problem, call: Call) => Reply) | undefined
  return toResponse(own?.(problem, call) ?? problems.failure({ reason: 'failure', status: 429 }, call))
}

/** What a route is told besides the request. */
export interface Bindings {
  readonly call: Call
}

export const mountProfile = (app: Hono<{ Bindings: Bindings }>, profile: Profile): void => {
  const admit = (call: Call): Response | undefined => {
    const reply = profile.admit?.(call)
    return reply && toResponse(reply)
  }
  for (const [route, handler] of Object.entries(profile.routes)) {
    const [method = '', path = ''] = route.split(' ')
    app.on(method, path, ({ env: { call }, req }) => admit(call) ?? toResponse(handler(call, req.param())))
  }
  app.notFound(({ env: { call } }) => admit(call) ?? word(profile, { reason: 'route' }, call))
}
