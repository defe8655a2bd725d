import { type AlertEvent, clock, type LimitEvent } from '@aplomb/pipeline'

/** What concerns all calls of a key, of which each hears: whether it is news. */
export interface News {
  /** Takes in a change of the limit. */
  limit(event: LimitEvent): void
  /** The change of the limit that is to be told now, if any. */
  due(): Change | undefined
  /** Whether this hold lasts longer, by what people notice, than the one that was told. */
  hold(waitMs: number): boolean
  /** Whether this alert is to be told. */
  alert(event: AlertEvent): boolean
}

type Change = Pick<LimitEvent, 'limit' | 'previous' | 'reason' | 'queued'>

/** Changes of the limit are told at most that often, and so are holds: those that are no longer than that are not. */
const QUIET_MS = 1000

/** The same alert is told at most that often, and no more different ones. */
const ALERT_MS = 60_000
const MAX_ALERTS = 20

/**
 * A limit is news from its fall until it is what it was. While all goes well it only grows, and nobody waits for that.
 */
type Limit =
  | { readonly state: 'free' }
  /** `usual` is what it was, `told` what was told last. */
  | { readonly state: 'reduced'; readonly usual: number; told: number; latest: Change }

export const newNews = (): News => {
  let limit: Limit = { state: 'free' }
  let pause: Change | undefined
  let pausedAt = -Infinity
  let toldAt = -Infinity
  let heldUntil = -Infinity
  const alerts = new Map<string, number>()

  const changed = (): Change | undefined => {
    if (limit.state === 'free') return undefined
    const { told, usual, latest } = limit
    if (latest.limit >= usual) limit = { state: 'free' }
    else limit.told = latest.limit
    return latest.limit === told ? undefined : { ...latest, previous: told }
  }

  return {
    limit: ({ limit: now, previous, reason, queued }) => {
      const latest = { limit: now, previous, reason, queued }
      if (now === previous) pause = latest
      else if (limit.state === 'reduced') limit.latest = latest
      else if (now < previous) limit = { state: 'reduced', usual: previous, told: previous, latest }
    },
    due: () => {
      const now = clock()
      if (pause && now - pausedAt >= QUIET_MS) {
        pausedAt = now
        const told = pause
        pause = undefined
        return told
      }
      if (now - toldAt < QUIET_MS) return undefined
      const change = changed()
      if (change) toldAt = now
      return change
    },
    hold: (waitMs) => {
      const now = clock()
      const until = now + waitMs
      if (until <= Math.max(heldUntil, now) + QUIET_MS) return false
      heldUntil = until
      return true
    },
    alert: ({ condition, message }) => {
      const now = clock()
      for (const [text, at] of alerts) if (now - at >= ALERT_MS) alerts.delete(text)
      const text = `${condition} ${message}`
      if (alerts.has(text) || alerts.size >= MAX_ALERTS) return false
      alerts.set(text, now)
      return true
    },
  }
}
