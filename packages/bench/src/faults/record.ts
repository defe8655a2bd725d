import type { Member } from './member.ts'
import type { CallPlan } from './plan.ts'

/** What a server has said, as the server itself knows it. */
export interface Truth {
  /** Whether the API itself has answered. */
  readonly honest: boolean
  /** How long it has asked to stay away, in milliseconds from receipt. */
  readonly namedMs?: number | undefined
  /** Whether that was for everybody who has the key. */
  readonly forAll?: boolean | undefined
  readonly ceiling?: number | undefined
  readonly cost?: number | undefined
}

/** A request, as the network and its server see it. All times are those of `performance.now()`. */
export interface Sending {
  readonly call: Asked
  readonly member: Member
  readonly server: number
  readonly method: string
  readonly endpoint: string
  readonly at: number
  /** When its headers came, or it failed. */
  heardAt: number
  status: number | undefined
  truth: Truth | undefined
  /** Nothing has reached the server. */
  unsent: boolean
  /** What the answer's headers say beside the status, which allow to repeat anything. */
  wait: boolean
  full: boolean
}

/** A call, as its caller sees it. */
export interface Asked {
  readonly n: number
  readonly plan: CallPlan
  readonly member: Member
  readonly askedAt: number
  readonly sendings: Sending[]
  abortedAt: number
  settledAt: number
  /** The same by the timers' clock, which stands still while code runs. */
  readonly askedTurn: number
  abortedTurn: number
  settledTurn: number
  outcome: 'answered' | 'failed' | undefined
  error: unknown
  /** What it is aborted with, if it is. */
  readonly reason: Error
  /** Listeners that were left on its signal. */
  listeners: number
}

/** Times in which a process stood still. */
export interface Pause {
  readonly member: Member
  readonly from: number
  readonly to: number
}

export const isServed = ({ status = 0, truth }: Sending): boolean =>
  truth !== undefined && status < 400 && status >= 200

const at = (time: number): string => time.toFixed(1)

/** Each request, in the order of sending. */
export const courseOf = (calls: readonly Asked[]): readonly string[] =>
  calls
    .flatMap(({ sendings }) => sendings)
    .toSorted((a, b) => a.at - b.at)
    .map(({ call, member, server, endpoint, at: sentAt, heardAt, status, truth }) => {
      const { namedMs, ceiling } = truth ?? {}
      const said = [status ?? 'no answer', namedMs && `wait ${namedMs} ms`, ceiling && `${ceiling} at once`]
      const end = `${call.outcome ?? 'open'} at ${at(call.settledAt)}`
      return `${at(sentAt)}-${at(heardAt)} ms: call ${call.n} of ${member.name} to server ${server}, ${endpoint}: ${said.filter(Boolean).join(', ')}; ${end}`
    })
