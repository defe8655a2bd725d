import type { Verdict } from '@aplomb/classify'
import { type Call, onAbort, sleep } from '@aplomb/pipeline'
import pLimit from 'p-limit'
import { newControl, type Sent } from './control.ts'
import { QueueFullError, QueueTimeoutError } from './errors.ts'
import { newQueue } from './queue.ts'

/** The right to have one request in flight. */
interface Slot {
  sent: Sent
  /** Whether the answer to what was sent has been taken in. */
  answered: boolean
  /** Gives it back. Once is enough; more does no harm. */
  release(): void
}

/** A call that was refused keeps its turn, or takes another, so that it cannot be every probe. */
export type Place = 'new' | 'ahead' | 'again'

/** The queue and the slots of one key. */
export interface Gate {
  readonly limit: number
  readonly active: number
  readonly queued: number
  /** Whether the server has served somebody of late. */
  readonly serving: boolean
  /** Whether it failed, and has served nobody since. */
  readonly failing: boolean
  /** A slot, now or when the turn comes. */
  enter(call: Call, as: Place): Promise<Slot>
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

/** Nobody shall retry: the queue was not too full by chance. */
const refuse = (call: Call, error: Error): Error => {
  call.giveUp('concurrency-gate', error.message)
  return error
}

export const newGate = ({ fixed, maxQueue, queueTimeoutMs }: GateSetting): Gate => {
  const control = newControl(fixed)
  const queue = newQueue()
  // p-limit counts the slots; the order of waiting is ours, because its queue knows neither abort nor time-out.
  const slots = pLimit(1)
  let timer: ReturnType<typeof setTimeout> | undefined

  /** As p-limit's count, but exact at once: of several answers in one turn, each is judged by those still out. */
  let active = 0

  const take = (): Slot => {
    const { promise, resolve } = Promise.withResolvers<void>()
    void slots(() => promise).then(pump)
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      if (--active === 0 && queue.size === 0) control.rest()
      resolve()
    }
    return { sent: control.sent(++active), answered: false, release }
  }

  const room = (): boolean => {
    const free = control.room(slots.activeCount)
    if (free) slots.concurrency = slots.activeCount + 1
    return free
  }

  const pump = (): void => {
    clearTimeout(timer)
    timer = undefined
    while (queue.size > 0) {
      if (room()) {
        queue.shift()?.admit()
        continue
      }
      const pauseMs = control.pauseMs()
      if (pauseMs > 0) timer = setTimeout(pump, Math.ceil(pauseMs))
      // A pause may have ended between the two questions: then there is room after all.
      if (pauseMs > 0 || !room()) return
    }
  }

  // A hundred thousand calls may wait here: as few closures for each as will do.
  const lineUp = (call: Call, as: Place): Promise<Slot> =>
    new Promise((resolve, reject) => {
      const ahead = as === 'ahead'
      if (call.signal.aborted) return reject(call.signal.reason)
      if ((queue.size === 0 || ahead) && room()) return resolve(take())
      if (as === 'new' && queue.size >= maxQueue) return reject(refuse(call, new QueueFullError(call.key, maxQueue)))
      const began = performance.now()
      const entry = queue.join(() => {
        clearTimeout(expiry)
        stopListening()
        call.waited('queue', performance.now() - began)
        resolve(take())
      }, ahead)
      const leave = (late?: QueueTimeoutError): void => {
        clearTimeout(expiry)
        stopListening()
        queue.leave(entry)
        pump()
        reject(late ? refuse(call, late) : call.signal.reason)
      }
      const expiry =
        queueTimeoutMs === undefined
          ? undefined
          : setTimeout(() => leave(new QueueTimeoutError(call.key, queueTimeoutMs)), queueTimeoutMs)
      const stopListening = onAbort(call.signal, leave)
      if (call.observed) {
        const { limit } = control
        const { id, key } = call
        call.emit({ type: 'queue', call: id, key, queued: queue.size, active: slots.activeCount, limit })
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
    get queued() {
      return queue.size
    },
    get serving() {
      return control.serving
    },
    get failing() {
      return control.failing
    },
    enter: (call, as) => {
      const spreadMs = as === 'new' && call.attempt > 0 ? control.spreadMs(call.attempt) : 0
      if (spreadMs === 0 || !call.fits(spreadMs)) return lineUp(call, as)
      return sleep(spreadMs, call.signal).then(() => {
        call.waited('queue', spreadMs)
        return lineUp(call, as)
      })
    },
    keeps: (slot) => {
      if (active > Math.max(1, control.limit)) return false
      slot.sent = slot.answered ? control.sent(active) : Object.assign(slot.sent, { at: performance.now(), active })
      slot.answered = false
      return true
    },
    learn: (call, slot, verdict) => {
      slot.answered = true
      const previous = control.limit
      const reason = control.learn(verdict, slot.sent, active)
      const { limit } = control
      if (call.observed && limit !== previous) {
        call.emit({ type: 'limit', call: call.id, key: call.key, limit, previous, reason: reason ?? 'all goes well' })
      }
      pump()
    },
  }
}
