import type { Call, Outgoing, Verdict } from '@aplomb/pipeline'
import { redaction } from '@aplomb/redact'
import { LONGEST_MESSAGE } from './facts.ts'

const redactorFor = redaction()

/** Takes secrets out of a verdict: those of the request that was asked and of the one that was sent, and what has the form of one. */
export type Mask = (verdict: Verdict) => Verdict

/** What is asked is looked at when there is something to mask. */
export const maskFor = (asked: Pick<Outgoing, 'url' | 'headers'>, call?: Pick<Call, 'key' | 'sent'>): Mask => {
  return (verdict) => {
    if (verdict.action === 'use') return verdict
    const { text, id, learn } = redactorFor(asked, call?.key ?? '')
    if (call?.sent) learn(call.sent)
    const { message, code, requestId, evidence } = verdict
    return {
      ...verdict,
      message: message && text(message, LONGEST_MESSAGE - 1),
      code: code && text(code),
      requestId: requestId && id(requestId),
      evidence: text(evidence),
    }
  }
}
