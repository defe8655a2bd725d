import type { Call } from './contract.ts'

/** Of one that has waited in line for as long as it may. */
export const waitedOut = (): Error =>
  new DOMException('The call has waited for as long as maxTotalWaitMs allows', 'TimeoutError')

/** Of a call that is on hold for longer than it may wait. */
export const late = (call: Call, by: string, waitMs: number): Error => {
  const past = call.deadline < Infinity ? 'past the deadline' : 'more than maxTotalWaitMs leaves'
  const reason = `on hold for ${Math.ceil(waitMs / 100) / 10} s more, ${past}`
  call.giveUp(by, reason)
  return new DOMException(`The call was ${reason}`, 'TimeoutError')
}

/** Nobody shall retry: it was not turned away by chance. */
export const refuse = (call: Call, by: string, error: Error): Error => {
  call.giveUp(by, error.message)
  return error
}
