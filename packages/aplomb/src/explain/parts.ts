import { KINDS, type Limits, type Verdict } from '@aplomb/pipeline'
import { isHeld, isSilent, type Outlook } from './outlook.ts'
import { afterText, plural, span } from './words.ts'

/** What a part of aplomb would do with an answer. */
export interface Part {
  readonly name: 'retry-after' | 'concurrency-gate' | 'backoff-jitter' | 'credit-meter' | 'log' | 'alert'
  readonly does: string
}

/** The hold that alert tells of from there on: its `holdMs`. */
const ALERT_HOLD_MS = 60_000
/** As long a wait as retry-after sits out: its `maxWaitMs`. */
const MAX_WAIT_MS = 60_000

/** What each part is told of, all texts redacted. */
interface Facts {
  readonly verdict: Verdict
  readonly outlook: Outlook
  readonly limits: Limits
  readonly api: string
}

const retryAfter = ({ verdict, outlook, limits, api }: Facts): string => {
  const { retryAfterMs: asked = 0, action, tentative } = verdict
  if (isHeld(verdict)) {
    if (asked > MAX_WAIT_MS)
      return `returns it, and holds nobody: ${span(asked)} is more than maxWaitMs (${span(MAX_WAIT_MS)})`
    const own = outlook.again ? ', then sends this one again' : '; this one is returned'
    return `holds every call of ${api} for ${span(asked)}${own}`
  }
  const window = tentative
    ? undefined
    : limits.windows.find(({ remaining, resetMs = 0 }) => remaining !== undefined && resetMs > 0)
  if (!window) {
    if (asked === 0) return action === 'use' ? 'nothing: no limit is told' : 'nothing: no time to come back is told'
    if (outlook.again) return `leaves the wait of ${span(asked)} to ${outlook.by}`
    return `nothing: whoever asks again has to wait ${span(asked)}`
  }
  const { remaining = 0, resetMs = 0 } = window
  if (remaining > 0) return `counts along: ${remaining} more until the reset in ${span(resetMs)}`
  if (resetMs > MAX_WAIT_MS)
    return `sends the next call all the same: its reset in ${span(resetMs)} is more than maxWaitMs`
  return `lets the next call wait for the reset in ${span(resetMs)}`
}

const concurrencyGate = ({ verdict, outlook, limits, api }: Facts): string => {
  const { kind, tentative } = verdict
  const { failure } = KINDS[kind]
  if (tentative) return 'nothing: words alone teach it nothing'
  if (outlook.again && outlook.by === 'concurrency-gate') {
    if (isSilent(verdict)) return 'asks once more at once; refused again, it probes until calls are let through'
    const own = `sends it again when another call has ended (${afterText(outlook.fromMs, outlook.toMs)} if it is alone)`
    return `has fewer in flight at ${api}; ${own}`
  }
  if (kind === 'concurrency-limited') return `has fewer in flight at ${api}; this one is returned`
  if (failure) return 'counts a failure: after five in a row it sends one probe at a time'
  const ceiling = limits.concurrency?.limit
  if (ceiling !== undefined) return `never has more than ${ceiling} in flight at ${api}`
  if (kind === 'rate-limited') return 'has fewer in flight if that goes on'
  return KINDS[kind].action === 'stop' ? 'nothing: it says nothing of the server' : 'counts it as served'
}

const backoffJitter = ({ verdict, outlook }: Facts): string => {
  if (!outlook.again) return verdict.action === 'use' ? 'hands it over' : `returns it at once: ${outlook.why}`
  const { by, fromMs, toMs, maxAttempts } = outlook
  if (by !== 'backoff-jitter') return `leaves it to ${by}, ${plural(maxAttempts, 'attempt')} in all`
  const grows = maxAttempts > 2 && !verdict.retryAfterMs ? ', then twice as long each time' : ''
  return `sends it again ${afterText(fromMs, toMs)}${grows}, ${plural(maxAttempts, 'attempt')} in all`
}

const creditMeter = ({ verdict, limits }: Facts): string => {
  const { cost, remaining } = limits.credits ?? {}
  const charges = cost === undefined ? 'charges nothing: no cost is told' : `charges ${plural(cost, 'credit')}`
  const left = remaining === undefined ? '' : `; ${remaining} left`
  const tells = KINDS[verdict.kind].money ? '; alerts at once, and ends retrying' : ''
  return `${charges}${left}${tells}`
}

const log = ({ verdict: { kind } }: Facts): string => {
  const { owner, money } = KINDS[kind]
  if (owner === undefined) return 'info'
  return money ? 'error' : 'warn for the attempt, error for a call that ends so'
}

const alert = ({ verdict }: Facts): string => {
  const { kind, retryAfterMs = 0, tentative } = verdict
  const { money, failure, owner } = KINDS[kind]
  if (money) return 'alerts at once, and again after an hour if it goes on'
  const isLong = owner === 'retry-after' && !tentative && retryAfterMs > ALERT_HOLD_MS
  const told = [
    failure && 'counts it for the error rate',
    isLong && `alerts: no call goes through for ${span(retryAfterMs)}`,
  ]
  return told.filter(Boolean).join('; ') || 'nothing'
}

/** What each part would do: who waits, who counts, who tells. */
export const partsFor = (facts: Facts): readonly Part[] => [
  { name: 'retry-after', does: retryAfter(facts) },
  { name: 'concurrency-gate', does: concurrencyGate(facts) },
  { name: 'backoff-jitter', does: backoffJitter(facts) },
  { name: 'credit-meter', does: creditMeter(facts) },
  { name: 'log', does: log(facts) },
  { name: 'alert', does: alert(facts) },
]
