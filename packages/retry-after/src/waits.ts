import {
  type Again,
  type Call,
  clock,
  type Constraint,
  type Departure,
  KINDS,
  type LimitWindow,
  type Line,
  ownLimits,
  type Signal,
  type Verdict,
  WeightExceedsLimitError,
} from '@aplomb/pipeline'
import { newDispersal } from './dispersal.ts'
import { newHold } from './hold.ts'
import { newPace } from './pace.ts'
import { SHORT_MS } from './share.ts'

export const NAME = 'retry-after'

const USED_UP = 'what the server has announced is used up until its reset'

/** So often a call may come too late for a short window that others use up. */
const MOST_RACES = 16

export interface WaitsSetting {
  readonly maxAttempts: number
  readonly maxWaitMs: number
  readonly paced: boolean
}

/** What the server has announced for one key: its hold, and what is left of its windows. */
export const newWaits = (line: Line, { maxAttempts, maxWaitMs, paced }: WaitsSetting): Constraint => {
  const hold = newHold()
  const pace = newPace()
  const dispersal = newDispersal()
  const endpoints = ownLimits()
  /** Kept for as long as its body is read: what it took may be told at the end of that. */
  const places = new WeakMap<Departure, ReturnType<typeof pace.sent>>()
  let servedAt = -Infinity
  let refusedAt = -Infinity

  const paceMs = ({ weight }: Call): number => {
    const ms = paced ? pace.waitMs(weight) : 0
    // A window that resets in hours is no reason to hang: its 429 says more than we can.
    return ms <= maxWaitMs ? ms : 0
  }

  const note = (
    departure: Departure,
    { verdict, sentAt }: Signal,
    sent = pace.sent(departure.call.weight, departure.at),
  ): void => {
    // A limit that bare prose speaks of may be none.
    const { kind, tentative } = verdict
    if (paced && !tentative) pace.learn(windowsOf(verdict), sent, kind !== 'rate-limited', sentAt, KINDS[kind].failure)
  }

  const extend = ({ id, key, emit, gaveUp, observed }: Call, of: string, waitMs: number, reason: string): void => {
    if (waitMs > maxWaitMs || gaveUp) return
    hold.extend(waitMs)
    if (observed) emit({ type: 'hold', call: id, key: of || key, by: NAME, reason, waitMs })
  }

  const stop = (call: Call, waitMs: number): string | undefined => {
    if (waitMs > maxWaitMs) return `the server asks for ${seconds(waitMs)}, maxWaitMs is ${seconds(maxWaitMs)}`
    if (!call.fits(waitMs))
      return `the server asks for ${seconds(waitMs)}, ${call.deadline < Infinity ? 'past the deadline' : 'more than maxTotalWaitMs leaves'}`
    const most = Math.min(maxAttempts, call.maxCarried)
    if (call.counted >= most) return `${call.counted} attempts were made, maxAttempts is ${most}`
    if (!call.canReplay) return 'the request body cannot be sent again'
    return undefined
  }

  /** Others were served meanwhile: a lost race is no failure of this call. */
  const isLost = ({ firstAt }: Departure, { verdict, elsewhere }: Signal, waitMs: number): boolean => {
    if (maxAttempts <= 1 || verdict.kind !== 'rate-limited' || waitMs > SHORT_MS || elsewhere) return false
    return servedAt > (pace.crowded() ? Math.min(firstAt, clock() - SHORT_MS) : firstAt)
  }

  /** Whether it is sent again, if its wait is not too long: apart where nobody else has to wait. */
  const againFor = (departure: Departure, signal: Signal, waitMs: number, apart: boolean): Again | undefined => {
    const { call } = departure
    if (isLost(departure, signal, waitMs) && call.attempt - call.counted < MOST_RACES) call.excuse()
    const reason = stop(call, waitMs)
    if (reason === undefined) return { place: 'back', waitMs, apart }
    call.giveUp(NAME, reason)
    return undefined
  }

  return {
    certain: true,
    free: () => hold.left() === 0 && !pace.informed(),
    // Whoever goes first after a pause finds out whether there is room.
    probing: () => refusedAt > servedAt,
    standing: () => (hold.left() === 0 && pace.idle() ? 'idle' : 'informed'),
    refuses: ({ call }) => {
      const small = paced ? pace.tooSmall(call.weight) : undefined
      return small && new WeightExceedsLimitError(call.key, small, call.attempt)
    },
    waitMs: ({ call, overdue }) => {
      const heldMs = hold.left()
      return overdue ? heldMs : dispersal.waitMs(Math.max(heldMs, paceMs(call)), line.queued())
    },
    waits: ({ call }, waitMs) => {
      // A hold was told when it began.
      if (!call.observed || waitMs === 0 || hold.left() > 0) return
      call.emit({ type: 'hold', call: call.id, key: call.key, by: NAME, reason: USED_UP, waitMs, pacing: true })
    },
    sent: (departure) => {
      dispersal.sent()
      places.set(departure, pace.sent(departure.call.weight, departure.at))
    },
    ended: (departure) => {
      const sent = places.get(departure)
      if (!sent) return
      pace.ended(sent)
    },
    settled: (departure, weight) => {
      const sent = places.get(departure)
      if (sent) pace.settled(sent, weight)
    },
    overheard: (departure, signal) => {
      note(departure, signal)
      const waitMs = waitOf(signal)
      if (waitMs !== undefined) extend(departure.call, signal.key, waitMs, signal.verdict.evidence)
    },
    heard: (departure, signal): Again | undefined => {
      const { call, request, at } = departure
      const { verdict, elsewhere, heardAt } = signal
      const waitMs = waitOf(signal)
      const own = !elsewhere && waitMs !== undefined && endpoints.refused(request, at) !== undefined
      // A limit of an endpoint's own does not count for others; where nobody has answered, nobody has left a limit out.
      if (!elsewhere && !own && signal.response) note(departure, signal, places.get(departure))
      if (verdict.action === 'use') {
        endpoints.served(request, at)
        servedAt = Math.max(servedAt, heardAt ?? clock())
      }
      if (waitMs === undefined) return undefined
      refusedAt = heardAt ?? clock()
      if (!elsewhere && !own) extend(call, '', waitMs, verdict.evidence)
      return signal.repeatable ? againFor(departure, signal, waitMs, own || elsewhere) : undefined
    },
  }
}

/** The wait that is acted on. One of 0 is none: how soon to come back is left to the backoff. */
const waitOf = ({ verdict: { kind, retryable, tentative, retryAfterMs } }: Signal): number | undefined => {
  if (!retryable || tentative || KINDS[kind].owner !== NAME) return undefined
  return retryAfterMs === 0 ? undefined : retryAfterMs
}

/** Retry-After wins over the reset of a window (draft-ietf-httpapi-ratelimit-headers): one that has run out may be given back bit by bit. */
const windowsOf = ({ limits: { windows }, retryAfterMs }: Verdict): readonly LimitWindow[] => {
  if (!retryAfterMs) return windows
  return windows.map((window) => {
    const { remaining = 0, resetMs = retryAfterMs } = window
    return remaining > 0 ? window : { ...window, resetMs: Math.min(resetMs, retryAfterMs) }
  })
}

const seconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`
