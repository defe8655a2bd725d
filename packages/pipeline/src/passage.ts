import type { Again, Constraint, Departure, Signal } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'
import { clock, later } from './clock.ts'
import type { Gateway } from './constrained.ts'
import type { Door } from './door.ts'
import { LOST_MS } from './isolate.ts'
import { datesOf, keyOfAnswer } from './origin.ts'
import { onAbort } from './on-abort.ts'
import { sleep } from './sleep.ts'
import { KINDS } from './verdict.ts'
import { setAside, verdictOf, verdictOfError } from './verdicts.ts'

/** Notes whether the key serves anybody. */
const note = (door: Door, { verdict: { kind, tentative }, elsewhere, heardAt }: Signal): void => {
  const { action, transient } = KINDS[kind]
  if (elsewhere || tentative || action === 'stop') return
  if (transient) door.barrenSince ??= heardAt ?? clock()
  else if (heardAt === undefined || heardAt >= (door.barrenSince ?? 0)) door.barrenSince = undefined
}

/** What the door of a pipeline needs to know of a call. */
export interface Passage {
  readonly gatewayOf: (key: string) => Gateway
  /** Since when it is under way already, on the `clock`. */
  readonly sentAt?: number | undefined
}

/** What a constraint wants done with a refused call. */
interface Found {
  readonly by: string
  readonly constraint: Constraint
  readonly again: Again
}

/** What came back. */
interface Answered extends Signal {
  readonly response: Response
}

/** A departure that has not ended. */
export interface Flight extends Departure {
  over?: boolean
  stopListening?: () => void
}

/** The first constraint that wants the call sent again: each kind of refusal has one owner. */
const report = ({ door, constraints }: Gateway, departure: Departure, signal: Signal): Found | undefined => {
  note(door, signal)
  let found: Found | undefined
  for (const { by, constraint } of constraints) {
    const again = constraint.heard?.(departure, signal)
    if (again) found ??= { by, constraint, again }
  }
  return found
}

/** What it took in truth takes the place of the estimate, once. */
const settle = ({ door, constraints }: Gateway, departure: Flight, response: Response): void => {
  let settled = false
  departure.call.weighs(response, (weight) => {
    if (settled) return
    settled = true
    for (const { constraint } of constraints) constraint.settled?.(departure, weight)
    door.wake()
  })
}

/** By then a server has heard of an abort, in milliseconds. */
const ABORTED_MS = 250

/** It ends once. */
const end = (gateway: Gateway, departure: Flight, response?: Response): void => {
  const { door, constraints } = gateway
  if (departure.over) return
  departure.over = true
  departure.stopListening?.()
  gateway.flights?.delete(departure)
  for (const { constraint } of constraints) constraint.ended?.(departure, response)
  door.wake()
}

/** An aborted request ends when the inner fetch says so, or a little later, if that does not hear of it. */
const endSoon = (gateway: Gateway, departure: Flight): void => {
  const timer = later(() => end(gateway, departure), ABORTED_MS)
  departure.stopListening = () => clearTimeout(timer)
}

/** Ends what will never end by itself. */
export const dropLost = (gateway: Gateway): void => {
  for (const flight of gateway.flights ?? []) {
    if (clock() - flight.at < LOST_MS) return
    end(gateway, flight)
  }
}

const tellElsewhere = ({ door, constraints }: Gateway, departure: Flight, signal: Signal): void => {
  for (const { constraint } of constraints) constraint.overheard?.(departure, signal)
  door.wake()
}

const fail = (gateway: Gateway, departure: Flight, error: unknown): void => {
  const { call, request } = departure
  const verdict = verdictOfError(error, { signal: call.signal, request })
  // What a middleware below has refused to send says nothing about the server; nor what no repetition mends, nor a host that is not found.
  const silent = call.gaveUp || !verdict.retryable || verdict.tentative
  const told = silent ? { ...verdict, kind: 'unknown' as const } : verdict
  const none = { response: undefined, key: call.key, elsewhere: false, repeatable: false }
  report(gateway, departure, { verdict: told, ...none })
  end(gateway, departure)
}

/** One that comes to be sent again may have to stay away before it stands in line. */
const delay = async ({ constraints }: Gateway, call: Call, request: RequestLine): Promise<void> => {
  const one = { call, request, overdue: false }
  let delayMs = 0
  for (const { constraint } of constraints) delayMs = Math.max(delayMs, constraint.delayMs?.(one) ?? 0)
  if (delayMs === 0 || !call.fits(delayMs)) return
  await sleep(delayMs, call.signal)
  call.waited('queue', delayMs)
}

/** Sends it once. What fails ends the departure. */
const send = async (gateway: Gateway, departure: Flight, next: () => Promise<Response>): Promise<Answered> => {
  const { call } = departure
  gateway.flights?.add(departure)
  if (call.canAbort) departure.stopListening = onAbort(call.signal, () => endSoon(gateway, departure))
  try {
    const response = await next()
    const verdict = verdictOf(response)
    const key = keyOfAnswer(call, response)
    const repeatable = verdict.retryable && !verdict.tentative && !call.gaveUp && (verdict.refused || call.repeatable)
    const { sentAt, heardAt } = datesOf(response)
    return { verdict, response, key, elsewhere: key !== call.key, sentAt, heardAt, repeatable }
  } catch (error) {
    fail(gateway, departure, error)
    throw error
  }
}

/** Tells the constraints of it: which of them wants it sent again? */
const hear = (gateway: Gateway, departure: Flight, signal: Answered, { gatewayOf }: Passage): Found | undefined => {
  try {
    if (signal.verdict.action === 'use' && !signal.elsewhere) settle(gateway, departure, signal.response)
    if (signal.elsewhere) tellElsewhere(gatewayOf(signal.key), departure, signal)
    return report(gateway, departure, signal)
  } catch (error) {
    // A constraint of somebody's own.
    end(gateway, departure)
    throw error
  }
}

/** Lines up again after a time apart. */
const enterApart = async (gateway: Gateway, departure: Flight, { constraint, again }: Found): Promise<Departure> => {
  const { call, request } = departure
  const { place, waitMs = 0 } = again
  end(gateway, departure)
  await sleep(waitMs, call.signal)
  call.waited(constraint.certain ? 'hold' : 'backoff', waitMs)
  return gateway.door.enter(call, request, place)
}

/** Lines up again, before those who wait for what it leaves. */
const enterAgain = (gateway: Gateway, departure: Flight, found: Found): Departure | Promise<Departure> => {
  const { place, waitMs = 0, apart = false } = found.again
  if (apart && waitMs > 0) return enterApart(gateway, departure, found)
  try {
    return gateway.door.enter(departure.call, departure.request, place)
  } finally {
    end(gateway, departure)
  }
}

/** Passes the door, as often as a constraint wants the request sent again. */
export const pass = async (
  request: RequestLine,
  call: Call,
  next: () => Promise<Response>,
  passage: Passage,
): Promise<Response> => {
  const gateway = passage.gatewayOf(call.key)
  const { sentAt } = passage
  if (call.attempt > 0 && sentAt === undefined) await delay(gateway, call, request)
  const { door } = gateway
  const first = sentAt === undefined ? door.enter(call, request, 'new') : door.admit(call, request, sentAt)
  let departure: Flight = first instanceof Promise ? await first : first
  for (;;) {
    const signal = await send(gateway, departure, next)
    const { response } = signal
    const found = hear(gateway, departure, signal, passage)
    if (!found) {
      end(gateway, departure, response)
      return response
    }
    const last = setAside(response)
    const { by, again } = found
    const { kind, evidence } = signal.verdict
    const facts = { call: call.id, key: call.key, by, attempt: call.attempt }
    call.emit({ type: 'retry', ...facts, reason: `${kind}: ${evidence}`, waitMs: again.waitMs ?? 0 })
    try {
      const entered = enterAgain(gateway, departure, found)
      departure = entered instanceof Promise ? await entered : entered
    } catch (error) {
      // It was not sent again: then the last answer stands.
      if (last && !call.aborted) return last
      throw error
    }
  }
}
