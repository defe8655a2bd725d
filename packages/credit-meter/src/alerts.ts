import { type Call, isMoney, notify, type Outgoing, type Verdict } from '@aplomb/pipeline'
import { originOf, redaction, type Redactor } from '@aplomb/redact'
import type { Account, Row } from './account.ts'
import type { CreditAlert, Settings } from './options.ts'

/** What is being paid for. */
export interface Visit {
  readonly account: Account
  readonly row: Row
  readonly call: Call
  readonly outgoing: Outgoing
  /** Its place in the order of beginning. */
  readonly place: number
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

/** The claim of a refusal for want of money, whatever the server calls it: it is one account. */
export const MONEY = 'money'

/** What is reached at the least when nothing is left, but for the last threshold. */
const BEFORE_EMPTY = 100 - Number.EPSILON * 100

type Facts = Pick<CreditAlert, 'condition' | 'threshold' | 'verdict'>

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
  const fire = ({ account, row, call, outgoing }: Visit, facts: Facts, messageOf: (api: string) => string): void => {
    const { request } = outgoing
    const now = Date.now()
    const { key } = account
    const redactor = redactorFor(request, call.key)
    if (call.sent) redactor.learn(call.sent)
    const api = key === originOf(request.url) ? key : redactor.text(key)
    const message = redactor.text(messageOf(api))
    const { condition, verdict } = facts
    if (call.observed) call.emit({ type: 'alert', call: call.id, key, by: 'credit-meter', condition, message })
    if (!onAlert) return
    const state = { spent: account.tally.spent(now), limit: account.limit(), left: account.left(now) }
    const where = { key: api, endpoint: redactor.text(row.name) }
    notify(onAlert, { ...facts, ...(verdict && { verdict: safe(verdict, redactor) }), message, ...where, ...state })
  }

  const told = ({ claimed }: Account): boolean => (claimed.get(MONEY) ?? 0) > Date.now()

  return {
    thresholds: (visit, atLeast = 0) => {
      const { account } = visit
      const now = Date.now()
      const limit = account.limit()
      // That an account is empty was told with the refusal.
      if (!limit || (told(account) && account.left(now) === 0)) return undefined
      const used = account.used(now)
      const spent = account.tally.spent(now)
      // Where the server says that nothing is left, a call sent from now on is likely to be refused: then that is the alert.
      const isNews = account.emptySince !== undefined && visit.place <= account.emptySince
      const percent = isNews ? Math.max((spent / limit) * 100, BEFORE_EMPTY) : (used / limit) * 100
      const reached = settings.thresholds.filter((one) => one <= Math.max(percent, atLeast))
      const tell = (threshold: number | undefined): void => {
        if (threshold === undefined) return
        const said = (api: string): string => {
          if (threshold > percent)
            return `Calls to ${api} are stopped: ${used} of ${limit} credits are used, and the next may cost more than is left`
          const figures =
            settings.limit !== undefined && spent < used
              ? `the server says that ${account.balance()} are left, ${spent} of ${limit} were spent here`
              : `${used} of ${limit}`
          return `${threshold} % of the credits for ${api} are used: ${figures}`
        }
        fire(visit, { condition: 'threshold', threshold }, said)
      }
      // Of several that are reached at once, the highest says it all.
      const claims = reached.map((one) => account.claim(`threshold:${one}`, now))
      const highest = (ours: readonly boolean[]): number | undefined => reached.findLast((_, i) => ours[i])
      if (claims.every((one) => typeof one === 'boolean')) return tell(highest(claims))
      return Promise.all(claims.map(async (one) => one)).then((ours) => tell(highest(ours)))
    },
    verdict: (visit, verdict) => {
      const { kind: condition, evidence } = verdict
      if (!isMoney(condition)) return undefined
      visit.call.giveUp('credit-meter', `${condition}: ${evidence}`)
      // Not the server's own words: they may repeat what is not for a chat room.
      const tell = (): void => fire(visit, { condition, verdict }, (api) => `${condition} on ${api}: ${evidence}`)
      const first = visit.account.claim(MONEY, Date.now())
      if (typeof first !== 'boolean') return first.then((ours) => (ours ? tell() : undefined))
      return first ? tell() : undefined
    },
  }
}
