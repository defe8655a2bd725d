import type { Verdict } from '@aplomb/classify'
import { notify, type Call } from '@aplomb/pipeline'
import { originOf, redaction, type Redactor } from '@aplomb/redact'
import type { Account, Row } from './account.ts'
import type { CreditAlert, Settings } from './options.ts'

/** What is being paid for. */
export interface Visit {
  readonly account: Account
  readonly row: Row
  readonly call: Call
  readonly request: Request
}

/** Tells of conditions, once each per period. */
export interface Alerts {
  /**
   * Of thresholds that have been reached; `atLeast` is a percentage that counts as reached. The promise, if any, ends
   * when a shared store has said whose it is to tell; it never rejects.
   */
  thresholds(visit: Visit, atLeast?: number): void | Promise<void>
  /** Of a refusal for want of money. */
  verdict(visit: Visit, verdict: Verdict): void | Promise<void>
}

type Facts = Pick<CreditAlert, 'condition' | 'threshold' | 'verdict'>

const isMoney = (kind: Verdict['kind']): kind is 'billing' | 'quota-exhausted' =>
  kind === 'billing' || kind === 'quota-exhausted'

const redactorFor = redaction()

/** The same, with all its texts redacted: any of them may be the server's. */
const redacted = (value: unknown, text: Redactor['text']): unknown => {
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return value.map((one) => redacted(one, text))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redacted(one, text)]))
}

const safe = (verdict: Verdict, { text, id }: Redactor): Verdict => {
  const { requestId } = verdict
  return { ...(redacted(verdict, text) as Verdict), requestId: requestId && id(requestId) }
}

export const newAlerts = (settings: Settings, onAlert: ((alert: CreditAlert) => void) | undefined): Alerts => {
  const fire = ({ account, row, call, request }: Visit, facts: Facts, messageOf: (api: string) => string): void => {
    if (!call.observed && !onAlert) return
    const now = Date.now()
    const { key } = account
    const redactor = redactorFor(request, call.key)
    const api = key === originOf(request.url) ? key : redactor.text(key)
    const message = redactor.text(messageOf(api))
    const { condition, verdict } = facts
    if (call.observed) call.emit({ type: 'alert', call: call.id, key, by: 'credit-meter', condition, message })
    if (!onAlert) return
    const state = { spent: account.tally.spent(now), limit: account.limit(), left: account.left(now) }
    const where = { key: api, endpoint: redactor.text(row.name) }
    notify(onAlert, { ...facts, ...(verdict && { verdict: safe(verdict, redactor) }), message, ...where, ...state })
  }

  const once = (
    claim: string,
    visit: Visit,
    facts: Facts,
    messageOf: (api: string) => string,
  ): void | Promise<void> => {
    const first = visit.account.claim(claim, Date.now())
    if (typeof first !== 'boolean') return first.then((ours) => (ours ? fire(visit, facts, messageOf) : undefined))
    if (first) fire(visit, facts, messageOf)
  }

  return {
    thresholds: (visit, atLeast = 0) => {
      const { account } = visit
      const limit = account.limit()
      if (!limit) return undefined
      const used = account.used(Date.now())
      const percent = Math.max((used / limit) * 100, atLeast)
      const reached = settings.thresholds.filter((threshold) => threshold <= percent)
      const tell = (threshold: number): void | Promise<void> => {
        const said = (api: string): string => `${threshold} % of the credits for ${api} are used: ${used} of ${limit}`
        return once(`threshold:${threshold}`, visit, { condition: 'threshold', threshold }, said)
      }
      const telling = reached.map(tell).filter((one) => one !== undefined)
      return telling.length > 0 ? Promise.all(telling).then(() => undefined) : undefined
    },
    verdict: (visit, verdict) => {
      const { kind: condition, evidence } = verdict
      if (!isMoney(condition)) return undefined
      visit.call.giveUp('credit-meter', `${condition}: ${evidence}`)
      // Not the server's own words: they may repeat what is not for a chat room.
      return once(condition, visit, { condition, verdict }, (api) => `${condition} on ${api}: ${evidence}`)
    },
  }
}
