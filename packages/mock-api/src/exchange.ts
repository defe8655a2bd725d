import { announce, announceProfile, failure, refuse, setRetryAfter } from './answers.ts'
import { delayed, dribbled, firstOnly } from './bodies.ts'
import type { LimitReport, WindowReport } from './dialects.ts'
import type { Charge, Refusal } from './gates.ts'
import type { FlakyKind, Settings } from './options.ts'
import { type Call, type Content, idOf, type Problem, readContent, word } from './profile.ts'
import { type App, routeName } from './routes.ts'
import { creditsLeft, creditsSpent, type Reason, remember, type Run, startClock } from './stats.ts'
import type { Window } from './windows.ts'

/** One request's stay in the API. */
export interface Exchange {
  /** Never settles once `leave` was called. */
  readonly answer: Promise<Answer>
  /** The client is gone, or has all it gets: frees the slot. May be called more than once. */
  readonly leave: () => void
}

export interface Answer {
  /** Absent where the connection is to be reset. */
  readonly response: Response | undefined
  /** The connection is to be cut after this body, which is shorter than its `content-length` says. */
  readonly cut: boolean
  /** The body takes time: a stream, or a slow body. */
  readonly streams: boolean
}

const RESET: Answer = { response: undefined, cut: false, streams: false }

const never = (): Promise<never> => new Promise(() => {})

/** A request that nothing may touch. */
export const waveThrough = (app: App, request: Request, call?: Call): Exchange => ({
  answer: (async () => {
    const response = await app.fetch(request, { call })
    return { response, cut: false, streams: isStream(response) }
  })(),
  leave() {},
})

/** With a profile, what a request takes is in its body: it has not arrived before that is read. */
export const readThen = (
  settings: Settings,
  app: App,
  request: Request,
  go: (content: Content) => Exchange,
): Exchange => {
  let gone = false
  let entered: Exchange | undefined
  return {
    answer: (async () => {
      const content = await readContent(
        settings,
        request,
        routeName(app, request.method, new URL(request.url).pathname),
      )
      if (gone) return never()
      entered = go(content)
      return entered.answer
    })(),
    leave() {
      gone = true
      entered?.leave()
    },
  }
}

/** Takes a request in. It settles its account with the run it began in, even when a reset came between. */
export const enter = (settings: Settings, app: App, run: Run, request: Request, content?: Content): Exchange => {
  const { credits, concurrency } = settings
  const profile = settings.profile?.profile
  const { gates, pools, now } = (run.clock ??= startClock(settings))
  const { method } = request
  const path = new URL(request.url).pathname
  const name = routeName(app, method, path)
  const route = (run.routes[name ?? 'unmatched'] ??= { requests: 0, served: 0, empty: 0 })
  const arrivedAt = now()
  const index = run.requests++
  route.requests++
  run.lastAt = Date.now()

  let timer: ReturnType<typeof setTimeout> | undefined
  let holdsSlot = false
  let gone = false
  let settled = false
  let reserved = 0
  let locked: readonly string[] = []

  const reportOf = (window: Window, at: number) => {
    const { kind, burst, ...is } = window.settings
    const moments = { remaining: window.remaining(at), resetAt: window.resetAt(at), fullAt: window.fullAt(at) }
    const counts = {
      name: is.name,
      // A bucket that says "20 per second" and gives 50 would be waited out.
      windowMs: kind === 'bucket' ? (burst * is.windowMs) / is.limit : is.windowMs,
      limit: kind === 'bucket' ? burst : is.limit,
      perSecond: (is.limit * 1000) / is.windowMs,
    }
    return (): WindowReport => {
      const { remaining, resetAt, fullAt } = moments
      const leavesAt = now()
      return {
        ...counts,
        remaining,
        resetMs: Math.max(0, resetAt - leavesAt),
        fullMs: Math.max(0, fullAt - leavesAt),
      }
    }
  }

  const windowOf = (limit: string): Window | undefined =>
    charges.find(({ window }) => window.settings.name === limit)?.window
  const call: Call | undefined = content && {
    ...content,
    id: idOf(settings.seed, index),
    memory: run.memory,
    take: (limit, more) => windowOf(limit)?.take(now(), more),
    window(limit): WindowReport | undefined {
      const window = windowOf(limit)
      return window && reportOf(window, now())()
    },
    credits: () => ({ spent: creditsSpent(run), left: creditsLeft(settings, run) }),
  }
  const counts = call === undefined || profile?.isCounted?.(call) !== false ? 1 : 0
  const charges: readonly Charge[] = (call && pools?.(call, arrivedAt)) ?? gates.charges

  const leave = () => {
    if (gone) return
    gone = true
    clearTimeout(timer)
    if (holdsSlot) {
      run.inFlight--
      run.counted -= counts
    }
    for (const lock of locked) run.locks.delete(lock)
    if (settled) return
    run.credits -= reserved
    settle('aborted', 0)
  }

  const settle = (reason: Reason, status: number, flaky?: FlakyKind) => {
    settled = true
    if (reason !== 'flaky') run.counts[reason]++
    if (reason === 'served' || reason === 'empty') route[reason]++
    if (flaky !== undefined) run.flaky[flaky] = (run.flaky[flaky] ?? 0) + 1
    if (settings.logSize === 0) return
    remember(settings, run, { atMs: arrivedAt, waitedMs: now() - arrivedAt, method, path, status, reason, flaky })
  }

  const until = async (moment: number) => {
    const waitMs = moment - now()
    await (waitMs > 0 ? new Promise((resolve) => (timer = setTimeout(resolve, waitMs))) : undefined)
    if (gone) await never()
  }

  /** Counts as they stood on arrival, as gateways do, but resets as moments: right whenever the answer leaves. */
  const takeReport = (refused: boolean) => {
    const windows = charges.map(({ window }) => reportOf(window, arrivedAt))
    return (): LimitReport | undefined => {
      const reports = windows.map((report) => report())
      const tightest = reports.toSorted(byTightness)[0]
      return tightest && { windows: reports, tightest, refused, nowMs: Date.now() }
    }
  }

  const label = (response: Response, report: LimitReport | undefined, charged: number): Response => {
    // Rebuilt, because a Response that a route got from fetch has fixed headers.
    const labelled = new Response(response.body, response)
    const facts = { report, inFlight: run.counted, charged, creditsLeft: creditsLeft(settings, run) }
    if (profile === undefined || call === undefined) announce(settings, labelled.headers, facts)
    else announceProfile(settings, labelled.headers, facts, profile, call)
    return labelled
  }

  const turnAway = async (refusal: Refusal): Promise<Answer> => {
    const { reason } = refusal
    const reopensAt =
      reason === 'window'
        ? Math.max(...refusal.violated.map((charge) => opensAt(charge, arrivedAt)))
        : reason === 'outage' && refusal.outage.retryAfter
          ? refusal.outage.toMs
          : Infinity
    const leavesAt = gates.refuse(arrivedAt, refusal) + settings.rejectionLatencyMs(index, request)
    const reportNow = takeReport(reason === 'window')
    await until(leavesAt)
    const broken = reason === 'outage' ? refusal.outage.status : undefined
    if (broken === 'hang' || broken === 'reset') {
      settle(reason, 0)
      return broken === 'hang' ? never() : RESET
    }
    const report = reportNow()
    const waitMs = reopensAt === Infinity ? undefined : Math.max(0, reopensAt - now())
    const refused =
      profile === undefined || call === undefined
        ? refuse(settings, refusal, path, report)
        : word(profile, problemOf(refusal, report, arrivedAt, waitMs), call)
    settle(reason, refused.status)
    const response = label(refused, report, 0)
    if (call === undefined && waitMs !== undefined) setRetryAfter(response.headers, settings.retryAfter, waitMs)
    return { response, cut: false, streams: false }
  }

  const serve = async (): Promise<Answer> => {
    holdsSlot = true
    run.mostInFlight = Math.max(run.mostInFlight, ++run.inFlight)
    run.counted += counts
    run.credits += reserved
    const place = run.admitted++
    const workDoneAt = gates.accept(arrivedAt, charges)
    const reportNow = takeReport(false)
    await until(workDoneAt + settings.latencyMs(place, request))
    const flake = settings.flakeOf(place)
    const answer = await routed(flake)
    if (gone) {
      await answer?.body?.cancel()
      return never()
    }
    // A body that is not there cannot be cut: the connection breaks instead.
    const response = flake === 'truncate' && answer?.body === null ? undefined : answer
    const free = (response === undefined || response.status >= 400) && credits?.chargeErrors !== true
    const charged = free ? 0 : reserved
    run.credits -= reserved - charged
    const failed = flake !== undefined && flake !== 'slow-body'
    settle(failed ? 'flaky' : outcome(response, name), response?.status ?? 0, flake)
    if (response === undefined) return flake === 'hang' ? never() : RESET
    return spoilt(label(response, reportNow(), charged), flake, settings.slowBodyMs)
  }

  const routed = (flake: FlakyKind | undefined): Response | undefined | Promise<Response> => {
    if (flake === 'reset' || flake === 'hang') return undefined
    if (flake === undefined || flake === 'truncate' || flake === 'slow-body') return app.fetch(request, { call })
    const status = Number(flake)
    if (profile === undefined || call === undefined) return failure(status, path)
    return word(profile, { reason: 'failure', status }, call)
  }

  const decide = (): Refusal | undefined => {
    const closed = gates.check(arrivedAt, charges)
    if (closed !== undefined) return closed
    const lock = locked.find((one) => run.locks.has(one))
    if (lock !== undefined) return { reason: 'concurrency', lock }
    if (counts > 0 && run.counted >= concurrency) return { reason: 'concurrency' }
    return reserved > creditsLeft(settings, run) ? { reason: 'credits' } : undefined
  }

  const answer = (async () => {
    if (credits !== undefined) reserved = typeof credits.cost === 'number' ? credits.cost : credits.cost(request)
    if (call !== undefined) {
      reserved = profile?.cost?.(call) ?? reserved
      locked = profile?.locks?.(call) ?? []
    }
    const refusal = decide()
    if (refusal === undefined) {
      for (const lock of locked) run.locks.add(lock)
      return serve()
    }
    reserved = 0
    locked = []
    return turnAway(refusal)
  })()
  return { answer, leave }
}

/** The refusal as a profile is asked to word it: of several windows, by the one that is closed for longest. */
const problemOf = (refusal: Refusal, report: LimitReport | undefined, now: number, waitMs?: number): Problem => {
  if (refusal.reason === 'outage') return { reason: 'failure', status: Number(refusal.outage.status), waitMs }
  if (refusal.reason === 'overload') return { reason: 'failure', status: 503, waitMs }
  if (refusal.reason === 'concurrency' && refusal.lock !== undefined) return { reason: 'lock', lock: refusal.lock }
  if (refusal.reason !== 'window') return { reason: refusal.reason }
  const [longest] = refusal.violated.toSorted((a, b) => opensAt(b, now) - opensAt(a, now))
  const window = report?.windows.find(({ name }) => name === longest?.window.settings.name)
  if (longest === undefined || window === undefined) throw new Error('a refusal by no window')
  const limit = { name: window.name, window, requested: longest.weight }
  return waitMs === undefined ? { reason: 'size', ...limit } : { reason: 'window', ...limit, waitMs }
}

const opensAt = ({ window, weight }: Charge, now: number): number => window.freeAt(now, weight)

const byTightness = (a: WindowReport, b: WindowReport): number =>
  a.remaining / a.limit - b.remaining / b.limit || b.resetMs - a.resetMs

const isStream = ({ headers }: Response): boolean =>
  /^text\/event-stream|ndjson|jsonl|stream\+json/i.test(headers.get('content-type') ?? '')

const outcome = (response: Response | undefined, route: string | undefined): Reason => {
  if (response === undefined) return 'other'
  if (response.status < 400) return 'served'
  return response.status === 404 && route !== undefined ? 'empty' : 'other'
}

/** The response, with what the flake does to its body. */
const spoilt = async (response: Response, flake: FlakyKind | undefined, slowBodyMs: number): Promise<Answer> => {
  const { body } = response
  const streams = isStream(response)
  const cut = flake === 'truncate'
  if (body === null || !(cut || flake === 'slow-body')) return { response, cut: false, streams }
  if (streams) {
    const spoiltBody = cut ? firstOnly(body) : delayed(body, slowBodyMs / 10)
    return { response: new Response(spoiltBody, response), cut, streams }
  }
  const bytes = new Uint8Array(await response.arrayBuffer())
  const spoiltBody = cut ? bytes.subarray(0, bytes.length / 2) : dribbled(bytes, slowBodyMs)
  const length = { ...Object.fromEntries(response.headers), 'content-length': String(bytes.length) }
  return { response: new Response(spoiltBody, { status: response.status, headers: length }), cut, streams: !cut }
}
