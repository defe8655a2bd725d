import type { Verdict } from '@aplomb/classify'
import { notify, type Call } from '@aplomb/pipeline'
import type { Account, Row } from './account.ts'
import type { CreditAlert, Settings } from './options.ts'

/** Tells of conditions, once each per period. */
export interface Alerts {
  /** Of thresholds that have been reached; `atLeast` is a percentage that counts as reached. */
  thresholds(account: Account, row: Row, call: Call, atLeast?: number): void
  /** Of a refusal for want of money. */
  verdict(account: Account, row: Row, call: Call, verdict: Verdict): void
}

type Facts = Pick<CreditAlert, 'condition' | 'message' | 'threshold' | 'verdict'>

const isMoney = (kind: Verdict['kind']): kind is 'billing' | 'quota-exhausted' =>
  kind === 'billing' || kind === 'quota-exhausted'

export const newAlerts = (settings: Settings, onAlert: ((alert: CreditAlert) => void) | undefined): Alerts => {
  const fire = (account: Account, row: Row, call: Call, facts: Facts): void => {
    const now = Date.now()
    const { condition, message } = facts
    const { key } = account
    if (call.observed) call.emit({ type: 'alert', call: call.id, key, by: 'credit-meter', condition, message })
    if (!onAlert) return
    const state = { spent: account.tally.spent(now), limit: account.limit(), left: account.left(now) }
    notify(onAlert, { ...facts, key, endpoint: row.name, ...state })
  }

  const once = (claim: string, account: Account, row: Row, call: Call, facts: Facts): void => {
    const first = account.claim(claim, Date.now())
    if (typeof first !== 'boolean') void first.then((ours) => ours && fire(account, row, call, facts))
    else if (first) fire(account, row, call, facts)
  }

  return {
    thresholds: (account, row, call, atLeast = 0) => {
      const limit = account.limit()
      if (!limit) return
      const used = account.used(Date.now())
      const percent = Math.max((used / limit) * 100, atLeast)
      for (const threshold of settings.thresholds) {
        if (threshold > percent) return
        const message = `${threshold} % of the credits for ${account.key} are used: ${used} of ${limit}`
        once(`threshold:${threshold}`, account, row, call, { condition: 'threshold', message, threshold })
      }
    },
    verdict: (account, row, call, verdict) => {
      const { kind: condition, evidence } = verdict
      if (!isMoney(condition)) return
      call.giveUp('credit-meter', `${condition}: ${evidence}`)
      // Not the server's own words: they may repeat what is not for a chat room.
      const message = `${condition} on ${account.key}: ${evidence}`
      once(condition, account, row, call, { condition, message, verdict })
    },
  }
}
