import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { aplomb, type AplombFetch, type AplombOptions, creditMeter, type CreditMeter, middleware } from 'aplomb'
import { fleet } from '@aplomb/redis'
import { drive, generator, HangError, onClock } from '../sim/simulate.ts'
import { awake, inside, type Member, newMember, separate } from './member.ts'
import { engineFor, networkOf, newEngine, newStore, storeFor, type Trouble } from './network.ts'
import type { CallPlan, Plan } from './plan.ts'
import { type Asked, courseOf, type Pause } from './record.ts'
import { broken, type Facts, type Violation } from './rules.ts'
import { openServer, type Server } from './server.ts'

export interface Result {
  /** Each request, in the order of sending. */
  readonly course: readonly string[]
  readonly calls: number
  readonly sent: number
  readonly answered: number
  /** By the clock of the simulation. */
  readonly virtualMs: number
  readonly violations: readonly Violation[]
}

/** What has not settled by then never does: the slowest server has a window of a minute for one call at a time. */
const LONGEST_MS = 43_200_000
/** The grace period before leaks are looked for: unread streams have expired, idle members have left the fleet. */
const QUIET_MS = 60_000
/** The most that a caller reads of a body, in bytes and milliseconds, before it cancels it. */
const ENOUGH_BYTES = 100_000
const PATIENCE_MS = 60_000
/** In the middle of a month, so that no fault of the clock opens a new budget that is not meant to. */
const MID_MONTH_MS = 14 * 86_400_000

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** In each secret, and in nothing else. */
const MARK = '7Zq9xW4k'

/** What would end a process. */
const CRASHES = ['unhandledRejection', 'uncaughtException'] as const

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const secretOf = (random: () => number): string => {
  const drawn = (): string => Array.from({ length: 12 }, () => ALPHANUMERIC[Math.floor(random() * 62)]).join('')
  return `${drawn()}${MARK}${drawn()}`
}

const stream = (text: string): ReadableStream =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })

const requestOf = (plan: CallPlan, n: number, servers: number, secret: string): readonly [string, RequestInit] => {
  const { to, method, secretIn } = plan
  const path = { lookup: `lookup/10.0.${n >> 8}.${n & 255}`, echo: 'echo', stream: 'stream', nowhere: 'nowhere' }[to]
  const query = new URLSearchParams({
    n: `${n}`,
    ...(to === 'stream' && { chunks: '4', intervalMs: `${20 + (n % 50) * 40}` }),
  })
  const headers: Record<string, string> = {}
  if (secretIn === 'query') query.set('api_key', secret)
  if (secretIn === 'header') headers['x-api-key'] = secret
  if (secretIn === 'bearer') headers['authorization'] = `Bearer ${secret}`
  const url = `https://api${plan.server % servers}.test/v1/${path}?${query}`
  if (to !== 'echo' || method === 'GET') return [url, { headers }]
  if (plan.idempotent) headers['idempotency-key'] = `key-${n}`
  const text = JSON.stringify({ n, password: secretIn === 'body' ? secret : 'none' })
  const body = { text, form: new URLSearchParams({ text }), stream: stream(text) }[plan.body]
  return [url, { method, headers, body, ...(plan.body === 'stream' && { duplex: 'half' as const }) }]
}

const readSome = async (body: ReadableStream<Uint8Array>): Promise<void> => {
  const reader = body.getReader()
  let bytes = 0
  const until = performance.now() + PATIENCE_MS
  while (bytes <= ENOUGH_BYTES && performance.now() <= until) {
    const { done, value } = await reader.read()
    if (done) return
    bytes += value.byteLength
  }
  await reader.cancel()
}

const use = async (response: Response, how: CallPlan['read']): Promise<void> => {
  if (how === 'never') return
  if (how === 'late') await sleep(7000)
  if (how === 'cancel') await response.body?.cancel()
  else if (how === 'in part') {
    const reader = response.body?.getReader()
    await reader?.read()
    reader?.releaseLock()
  } else if (response.body) await readSome(response.body)
}

const mayHang = ({ servers }: Plan): boolean =>
  servers.some(
    ({ api, fate }) =>
      fate?.status === 'hang' ||
      api.outages.some(({ status }) => status === 'hang') ||
      api.flaky?.kinds?.includes('hang'),
  )

/** Plays a plan. The same plan is the same run. */
export const run = (plan: Plan): Promise<Result> =>
  onClock(plan.seed, async (clock) => {
    const { client, servers: serverPlans, fleet: together, patienceMs } = plan
    const random = generator(plan.seed ^ 0x5eed)
    const { timersOf } = separate()
    const { randomUUID } = crypto
    const { warn, error } = console
    const told: string[] = []
    const violations: Violation[] = []
    const tell = (...all: readonly unknown[]): void => {
      for (const one of all) told.push(one instanceof Error ? inspect(one, { depth: 6 }) : (JSON.stringify(one) ?? ''))
    }
    const crash = (reason: unknown): void =>
      void violations.push({ rule: 'crash', what: inspect(reason).slice(0, 500) })
    crypto.randomUUID = () =>
      `00000000-0000-4000-8000-${Math.floor(random() * 1e12)
        .toString()
        .padStart(12, '0')}`
    console.warn = tell
    console.error = tell
    for (const end of CRASHES) process.on(end, crash)
    try {
      const servers: readonly Server[] = serverPlans.map((one, i) => openServer(one, plan.seed + i))
      const trouble: Trouble = { hangsUntil: -1, failsUntil: -1 }
      const engine = newEngine()
      const store = newStore()
      const calls: Asked[] = []
      const secrets: string[] = []
      const byId = new Map<string, Asked>()
      const aborts = new Map<Asked, AbortController>()
      const pauses: Pause[] = []

      const callOf = (url: string) => {
        const n = Number(new URL(url).searchParams.get('n'))
        return { call: calls[n] as Asked, secret: secrets[n] as string }
      }
      const abort = (call: Asked): void => {
        if (call.abortedAt < Infinity || call.settledAt < Infinity) return
        call.abortedAt = performance.now()
        call.abortedTurn = clock.now
        aborts.get(call)?.abort(call.reason)
      }
      const happened = (call: Asked | undefined, what: string): void => {
        if (call?.plan.abort && 'on' in call.plan.abort && call.plan.abort.on === what) abort(call)
      }

      interface Process {
        readonly member: Member
        readonly fetch: AplombFetch
        readonly meter: CreditMeter
        readonly cut: () => void
      }
      const { timeoutMs, maxTotalWaitMs, maxAttempts, gate, budget } = client
      const attemptTimeoutMs =
        client.attemptTimeoutMs ?? (mayHang(plan) && timeoutMs === undefined ? patienceMs : undefined)
      const start = (i: number): Process => {
        const member = newMember(`member ${i}`, MID_MONTH_MS)
        const own = engineFor(member, engine, trouble)
        const meter = creditMeter({
          budget: budget && { limit: budget.limit },
          stopAt: budget?.stopAt,
          store: client.store === 'shared' ? storeFor(member, store, trouble) : undefined,
          onAlert: tell,
        })
        const who = middleware('who', (request, next, { id }) => {
          byId.set(id, callOf(request.url).call)
          return next(request)
        })
        const options: AplombOptions = {
          fetch: networkOf(member, servers, callOf, happened),
          timeoutMs,
          maxTotalWaitMs,
          log: client.log && { sink: tell },
          backoffJitter: { maxAttempts, attemptTimeoutMs },
          retryAfter: { maxAttempts },
          concurrencyGate: gate,
          creditMeter: meter,
          store: together ? fleet(own) : undefined,
          observe: [who],
          onEvent: (event) => {
            happened(byId.get(event.call), event.type)
            if (event.type !== 'attempt') tell(event)
          },
        }
        return { member, fetch: inside(member, () => aplomb(options)), meter, cut: own.cut }
      }
      const processes = Array.from({ length: plan.members }, (_, i) => start(i))

      const ask = async ({ member, fetch }: Process, one: CallPlan, n: number): Promise<void> => {
        const secret = secretOf(random)
        secrets[n] = secret
        const controller = new AbortController()
        const call: Asked = {
          n,
          plan: one,
          member,
          sendings: [],
          askedAt: performance.now(),
          askedTurn: clock.now,
          abortedAt: Infinity,
          settledAt: Infinity,
          abortedTurn: Infinity,
          settledTurn: Infinity,
          outcome: undefined,
          error: undefined,
          reason: new Error('nobody waits any more'),
          listeners: 0,
        }
        calls[n] = call
        aborts.set(call, controller)
        const [url, init] = requestOf(one, n, servers.length, secret)
        const timer = one.abort && 'afterMs' in one.abort ? setTimeout(() => abort(call), one.abort.afterMs) : undefined
        try {
          const response = await fetch(url, { ...init, signal: controller.signal })
          call.settledAt = performance.now()
          call.settledTurn = clock.now
          call.outcome = 'answered'
          if (response.headers.get('x-served-for') !== `${n}`)
            violations.push({
              rule: 'mix-up',
              what: `call ${n} got the answer to ${response.headers.get('x-served-for')}`,
            })
          if (response.bodyUsed) violations.push({ rule: 'mix-up', what: `call ${n} got an answer that was read` })
          happened(call, 'body')
          if (one.abort && 'on' in one.abort && one.abort.on === 'body') controller.abort(call.reason)
          await use(response, one.read).catch(() => undefined)
        } catch (thrown) {
          call.settledAt = Math.min(call.settledAt, performance.now())
          call.settledTurn = Math.min(call.settledTurn, clock.now)
          call.outcome ??= 'failed'
          call.error = thrown
          tell(thrown)
        } finally {
          clearTimeout(timer)
        }
      }

      const strike = async (): Promise<void> => {
        const blows = plan.blows.toSorted((a, b) => a.atMs - b.atMs)
        for (const { atMs, member: which, what } of blows) {
          await sleep(Math.max(0, atMs - performance.now()))
          const now = performance.now()
          const struck = processes[which % processes.length] as Process
          const { member } = struck
          if (what.kind === 'clock') member.skewMs += what.byMs
          else if (what.kind === 'pause') {
            member.pausedUntil = now + what.forMs
            pauses.push({ member, from: now, to: member.pausedUntil })
          } else if (what.kind === 'kill') {
            // Of a lone process there would be nothing left to see.
            if (processes.length === 1) continue
            member.kill()
            struck.cut()
          } else if (what.kind === 'stores hang') trouble.hangsUntil = now + what.forMs
          else trouble.failsUntil = now + what.forMs
        }
      }

      /** The next call is asked whether or not the one before was answered. What a killed process has asked never ends. */
      const job = async (): Promise<void> => {
        const asked: Promise<void>[] = []
        for (const [n, one] of plan.calls.entries()) {
          if (one.gapMs > 0) await sleep(one.gapMs)
          const alive = processes.filter(({ member }) => !member.killed)
          const own = alive[one.member % Math.max(1, alive.length)]
          if (own === undefined) continue
          const { member } = own
          const ended = inside(member, async () => {
            await awake(member)
            await ask(own, one, n)
          })
          asked.push(Promise.race([ended, member.died]))
        }
        await Promise.all(asked)
      }
      const struck = strike()

      let virtualMs = NaN
      let hung = false
      try {
        await drive(clock, job(), LONGEST_MS)
        virtualMs = performance.now()
        await drive(clock, Promise.all([struck, sleep(QUIET_MS)]), LONGEST_MS)
      } catch (thrown) {
        const open = calls.filter(({ settledAt, member }) => settledAt === Infinity && !member.killed)
        // What a timer throws ends a process.
        if (!(thrown instanceof HangError)) crash(thrown)
        else
          violations.push({
            rule: 'settles',
            what: `${open.length} calls hang: ${open
              .map(({ n }) => n)
              .slice(0, 5)
              .join(', ')}`,
          })
        hung = true
      }
      const asked = calls.filter((one) => one !== undefined)
      for (const [call, { signal }] of aborts) call.listeners = getEventListeners(signal, 'abort').length
      const [lost = [], alive = []] = [true, false].map((killed) => asked.filter((one) => one.member.killed === killed))
      const facts: Facts = {
        plan,
        calls: alive,
        lost,
        pauses,
        attemptTimeoutMs,
        servers,
        processes: processes.map(({ member, fetch, meter }) => ({
          member,
          stats: fetch.stats() ?? { active: NaN, queued: NaN },
          spent: (server: number) => meter.usage(`https://api${server}.test`).spent,
          reserved: meter.usage().reserved,
          timers: timersOf(member),
        })),
        leaks: told.filter((text) => text.includes(MARK)),
        hung,
      }
      violations.push(...broken(facts))
      const sent = facts.calls.reduce((sum, { sendings }) => sum + sendings.length, 0)
      const answered = facts.calls.filter(({ outcome }) => outcome === 'answered').length
      return { calls: facts.calls.length, sent, answered, virtualMs, violations, course: courseOf(facts.calls) }
    } finally {
      Object.assign(console, { warn, error })
      crypto.randomUUID = randomUUID
      for (const end of CRASHES) process.off(end, crash)
    }
  })
