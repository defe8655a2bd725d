import { clock, warnOnce } from '@aplomb/pipeline'
import { type Engine, isReply, type Reply, type Report } from './engine.ts'
import type { Message } from './messages.ts'

/** So many messages are kept for the next turn. */
const MOST_KEPT = 32

/** What a member says to the engine, and hears from it: one turn at a time. */
export interface Turns {
  /** Mail up to this number has arrived. */
  readonly read: number
  readonly hasMail: boolean
  /** What is not for soon goes with the next turn. */
  post(to: string, message: Message, soon: boolean): void
  /** Opens mail, if it is the next. */
  open(number: number, text: string): void
  take(leaves?: boolean): void
  /** Ends the wait for a turn that has taken too long. Returns when that began; `wasStopped`: it has just begun, for us. */
  giveUp(wasStopped: boolean): number | undefined
  /** Whether one is under way. */
  readonly waits: boolean
  /** Mail is numbered from here, and what was to be said is void. */
  begin(read: number): void
  /** Nothing is sent again. */
  forget(): void
  close(): void
}

interface Context {
  readonly engine: Engine
  /** For how long a reply may be acted on, and when it is taken for lost, in milliseconds. */
  readonly usableMs: number
  readonly lateMs: number
  readonly report: () => Pick<Report, 'room' | 'member' | 'leaseMs' | 'epoch'>
  readonly deliver: (from: string, message: Message) => void
  readonly adopt: (reply: Reply, beganAt: number) => void
  readonly fail: (error: unknown, beganAt: number) => void
  /** A look is due later. */
  readonly tend: () => void
}

const mailFrom = (text: string): readonly (readonly [from: string, message: Message])[] => {
  try {
    const [from, messages] = JSON.parse(text) as [string, readonly Message[]]
    return messages.map((message) => [from, message] as const)
  } catch {
    return []
  }
}

export const newTurns = ({ engine, usableMs, lateMs, report, deliver, adopt, fail, tend }: Context): Turns => {
  const outbox = new Map<string, Message[]>()
  let read = 0
  let count = 0
  /** A report that was not answered is sent again, as it is. */
  let unanswered: Report | undefined
  let beganAt: number | undefined
  let last = 0
  let lastAnswered = 0
  let soon = false
  let closed = false

  const newReport = (leaves: boolean): Report => {
    const { member } = report()
    const mail = Array.from(outbox, ([to, messages]): [string, string] => [to, JSON.stringify([member, messages])])
    outbox.clear()
    return { ...report(), count: ++count, read, mail, leaves }
  }

  const ask = async (its: Report): Promise<Reply> => {
    const reply: unknown = await engine.turn(its)
    if (!isReply(reply as Partial<Reply>)) throw new TypeError('The engine answers with what is no reply')
    return reply as Reply
  }

  const take = (leaves = false): void => {
    if (beganAt !== undefined || closed) return
    const at = clock()
    const number = ++last
    beganAt = at
    unanswered = unanswered ? { ...unanswered, read } : newReport(leaves)
    const its = unanswered
    ask(its).then(
      (reply) => {
        // A reply that was taken for lost is as good as another, unless it comes too late.
        if (closed || number < lastAnswered || clock() >= at + usableMs) return
        lastAnswered = number
        if (number === last) beganAt = undefined
        if (unanswered?.count === its.count) unanswered = undefined
        adopt(reply, at)
        if (outbox.size > 0) take()
        else tend()
      },
      (error: unknown) => {
        if (closed || number !== last) return
        beganAt = undefined
        fail(error, at)
        tend()
      },
    )
    tend()
  }

  const takeSoon = (): void => {
    if (soon) return
    soon = true
    queueMicrotask(() => {
      soon = false
      if (outbox.size > 0) take()
    })
  }

  return {
    take,
    get read() {
      return read
    },
    get hasMail() {
      return outbox.size > 0
    },
    get waits() {
      return beganAt !== undefined
    },
    post: (to, message, isForSoon) => {
      const mail = outbox.get(to)
      if (mail) mail.push(message)
      else outbox.set(to, [message])
      if (isForSoon || (mail?.length ?? 0) >= MOST_KEPT) takeSoon()
    },
    open: (number, text) => {
      if (number !== read + 1) return
      read = number
      for (const [from, message] of mailFrom(text)) {
        try {
          deliver(from, message)
        } catch (error) {
          // Of a member of another version, or of one that lies: no caller's fault.
          warnOnce('fleet.mail', 'a message of the fleet makes no sense, and is dropped:', error)
        }
      }
    },
    giveUp: (wasStopped) => {
      if (beganAt === undefined) return undefined
      if (wasStopped) beganAt = clock()
      if (clock() - beganAt < lateMs) return undefined
      const at = beganAt
      beganAt = undefined
      return at
    },
    begin: (from) => {
      read = from
      outbox.clear()
    },
    forget: () => {
      outbox.clear()
      unanswered = undefined
    },
    close: () => void (closed = true),
  }
}
