import type { Verdict } from '@aplomb/classify'
import { type Call, clock, later, onAbort, type RequestLine, sleep } from '@aplomb/pipeline'
import pLimit from 'p-limit'
import { UNTRIED } from './breaker.ts'
import { type Control, newControl, PROBING, type Sent } from './control.ts'
import { QueueFullError, QueueTimeoutError } from './errors.ts'
import { type Entry, newEntry, newLine, newQueue, type Place, type Queue } from './queue.ts'

/** The right to have one request in flight. */
export interface Slot {
  sent: Sent
  /** Whether the answer to what was sent has been taken in. */
  answered: boolean
  /** Whether it was given beyond the limit, as its call had waited for as long as it may: back in line it would wait for ever. */
  readonly overdue: boolean
  /** Whether it was not given back yet. */
  readonly held: boolean
  /** Its headers have come, and its body goes on: an open stream. */
  stream(): void
  /** Gives it back. Once is enough; more does no harm. */
  release(): void
}

/** The queue and the slots of one key. */
export interface Gate {
  readonly limit: number
  readonly active: number
  /** Of those, the ones whose headers have not come. */
  readonly unanswered: number
  readonly queued: number
  /** What is known of the server. */
  readonly control: Pick<Control, 'serving' | 'servedAt' | 'failing' | 'comingBack' | 'random' | 'uncertain' | 'isOwn'>
  /** A slot, now or when the turn comes; `retries` of its own failures come before. */
  enter(call: Call, request: RequestLine, as: Place, retries?: number): Promise<Slot>
  /** Whether a slot that was taken a while ago is still within the limit: then it may be sent from now. */
  keeps(slot: Slot): boolean
  /** Takes in what came of a request, whose slot is not given back yet. */
  learn(call: Call, slot: Slot, verdict: Verdict): void
}

export interface GateSetting {
  readonly fixed: number | undefined
  readonly maxQueue: number
  readonly queueTimeoutMs: number | undefined
}

/** The longest delay that a timer takes. */
const LONGEST_TIMER_MS = 2 ** 31

const waitedOut = (): Error =>
  new DOMException('The call has waited for as long as maxTotalWaitMs allows', 'TimeoutError')

/** Nobody shall retry: the queue was not too full by chance. */
const refuse = (call: Call, error: Error): Error => {
  call.giveUp('concurrency-gate', error.message)
  return error
}

export const newGate = ({ fixed, maxQueue, queueTimeoutMs }: GateSetting): Gate => {
  const control = newControl(fixed)
  const { breaker } = control
  const line = newLine()
  // p-limit counts the slots; the order of waiting is ours, because its queue knows neither abort nor time-out.
  const slots = pLimit(1)
  let timer: ReturnType<typeof setTimeout> | undefined

  /** As p-limit's count, but exact at once: of several answers in one turn, each is judged by those still out. */
  let active = 0

  /** Of those, open streams. */
  let streams = 0
  /** Calls that wait for a probe, by what is down. */
  const lanes = new Map<string, Queue>()
  let parked = 0

  const take = (request: RequestLine, overdue = false): Slot => {
    const { promise, resolve } = Promise.withResolvers<void>()
    void slots(() => promise).then(pump)
    let held = true
    let streaming = false
    const release = (): void => {
      if (!held) return
      held = false
      if (streaming) streams--
      if (--active === 0 && waiting() === 0) control.rest()
      resolve()
    }
    const stream = (): void => {
      if (!held || streaming) return
      streaming = true
      streams++
      pump()
    }
    return {
      sent: control.sent(measured(++active), request),
      answered: false,
      overdue,
      get held() {
        return held
      },
      stream,
      release,
    }
  }

  /** In flight for what is learned from it: an open stream counts where the server itself counts. */
  const measured = (count: number): number => (control.announced ? count : count - streams)

  const room = (): boolean => {
    const free = control.room(slots.activeCount, streams)
    if (free) slots.concurrency = slots.activeCount + 1
    return free
  }

  const waiting = (): number => line.size + parked

  /** Who waits for a probe steps aside, so that others pass. */
  const park = (entry: Entry, name: string): void => {
    const lane = lanes.get(name) ?? newQueue()
    lanes.set(name, lane)
    entry.queue?.leave(entry)
    lane.join(entry, false)
    parked++
  }

  /** Those whose lane is not closed any more stand in front again, in their order. */
  const unpark = (): void => {
    for (const [name, lane] of lanes) {
      const { first } = lane
      if (first && breaker.laneOf(first.request) === name) continue
      lanes.delete(name)
      for (let entry = lane.last; entry; entry = lane.last) {
        lane.leave(entry)
        parked--
        line.join(entry, true)
      }
    }
  }

  const remove = (entry: Entry): void => {
    if (entry.queue && !line.holds(entry)) parked--
    entry.queue?.leave(entry)
  }

  /** Sends the first of a lane or of the line, whatever was learned; false where a ceiling that is certain forbids it. */
  const force = (entry: Entry, lane?: string): boolean => {
    if (!control.allows(slots.activeCount, streams)) return false
    slots.concurrency = slots.activeCount + 1
    remove(entry)
    entry.admit(lane)
    return true
  }

  /** Milliseconds until the next probe. */
  const probe = (): number => {
    let nextMs = Infinity
    // What has not failed yet tells more.
    for (const name of [UNTRIED, ...lanes.keys()]) {
      const lane = lanes.get(name)
      if (lane?.first && probeMs(name) === 0) force(lane.first, name)
      if (lane?.first) nextMs = Math.min(nextMs, probeMs(name) || Infinity)
    }
    return nextMs
  }

  const probeMs = (name: string): number => Math.max(breaker.waitMs(name), control.askedMs())

  /** Milliseconds until an entry has waited for as long as it may while nobody is served: then it is sent, and that is its answer. */
  const overdueMs = ({ joinedAt, patienceMs }: Entry): number => {
    const { barrenSince } = control
    if (barrenSince === undefined) return Infinity
    return Math.max(Math.max(joinedAt, barrenSince) + patienceMs - clock(), control.askedMs(), 0)
  }

  /** Milliseconds until the next one is overdue. */
  const release = (): number => {
    let nextMs = Infinity
    for (const queue of [line, ...lanes.values()]) {
      while (queue.first && overdueMs(queue.first) === 0) if (!force(queue.first)) return nextMs
      if (queue.first) nextMs = Math.min(nextMs, overdueMs(queue.first))
    }
    return nextMs
  }

  const pump = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (parked > 0) unpark()
    let nextMs = control.barrenSince === undefined ? Infinity : release()
    for (;;) {
      // A probe is for a call that was never sent, as long as there is one: those that were have fewer tries left.
      const first = (control.probing && line.firstNew) || line.first
      if (!first) break
      const lane = breaker.laneOf(first.request)
      if (lane !== undefined) park(first, lane)
      else if (room()) {
        remove(first)
        first.admit()
      } else {
        const pauseMs = control.pauseMs(slots.activeCount, streams)
        // A pause may have ended between the two questions: then there is room after all.
        if (room()) continue
        if (pauseMs > 0) nextMs = Math.min(nextMs, pauseMs)
        break
      }
    }
    if (parked > 0) nextMs = Math.min(nextMs, probe())
    if (nextMs < LONGEST_TIMER_MS && waiting() > 0) timer = later(pump, Math.ceil(nextMs))
  }

  // A hundred thousand calls may wait here: as few closures for each as will do.
  const lineUp = (call: Call, request: RequestLine, as: Place): Promise<Slot> =>
    new Promise((resolve, reject) => {
      const ahead = as === 'ahead'
      const place = as === 'new' && call.attempt > 0 ? 'again' : as
      if (call.aborted) return reject(call.signal.reason)
      if ((line.size === 0 || ahead) && breaker.laneOf(request) === undefined && room()) return resolve(take(request))
      if (as === 'new' && waiting() >= maxQueue) return reject(refuse(call, new QueueFullError(call.key, maxQueue)))
      const entry = newEntry(request, place, call.maxTotalWaitMs, (lane) => {
        clearTimeout(expiry)
        stopListening()
        const at = clock()
        const behindMs = at - Math.max(entry.joinedAt, control.barrenSince ?? Infinity)
        call.waited('queue', at - entry.joinedAt, Math.max(0, behindMs))
        if (lane !== undefined) breaker.probe(lane, request)
        resolve(take(request, overdueMs(entry) === 0))
      })
      const leave = (late?: Error): void => {
        clearTimeout(expiry)
        stopListening()
        remove(entry)
        pump()
        reject(late ? refuse(call, late) : call.signal.reason)
      }
      const mayWaitMs = call.attempt > 0 ? call.mayWaitMs() : Infinity
      const expiryMs = Math.min(queueTimeoutMs ?? Infinity, mayWaitMs)
      const expire = (): void =>
        leave(expiryMs === queueTimeoutMs ? new QueueTimeoutError(call.key, queueTimeoutMs) : waitedOut())
      const expiry = expiryMs < LONGEST_TIMER_MS ? later(expire, Math.max(0, expiryMs)) : undefined
      const stopListening = onAbort(call.signal, leave)
      line.join(entry, ahead)
      if (call.observed) {
        const { limit } = control
        const { id, key } = call
        call.emit({ type: 'queue', call: id, key, queued: waiting(), active: slots.activeCount, limit })
      }
      pump()
    })

  return {
    get limit() {
      return control.limit
    },
    get active() {
      return active
    },
    get unanswered() {
      return active - streams
    },
    get queued() {
      return waiting()
    },
    control,
    enter: (call, request, as, retries = 0) => {
      const spreadMs = as === 'new' ? control.spreadMs(retries, request) : 0
      if (spreadMs === 0 || !call.fits(spreadMs)) return lineUp(call, request, as)
      return sleep(spreadMs, call.signal).then(() => {
        call.waited('queue', spreadMs)
        return lineUp(call, request, as)
      })
    },
    keeps: (slot) => {
      if (!slot.held || (active > Math.max(1, control.limit) && !slot.overdue)) return false
      const { request } = slot.sent
      slot.sent = slot.answered
        ? control.sent(measured(active), request)
        : Object.assign(slot.sent, { at: clock(), active: measured(active) })
      slot.answered = false
      return true
    },
    learn: (call, slot, verdict) => {
      slot.answered = true
      const previous = control.limit
      const reason = control.learn(verdict, slot.sent, measured(active))
      const { limit } = control
      // It may be what it was, and yet all wait while single ones ask whether the server is back.
      if (call.observed && (limit !== previous || PROBING.has(reason))) {
        const { id, key } = call
        call.emit({
          type: 'limit',
          call: id,
          key,
          limit,
          previous,
          reason: reason ?? 'all goes well',
          queued: waiting(),
        })
      }
      pump()
    },
  }
}
