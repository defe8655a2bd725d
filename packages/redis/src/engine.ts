/** What a member has to say, in one go. */
export interface Report {
  /** Those who share a key: nothing of one room is of another. */
  readonly room: string
  readonly member: string
  /** For how long it is a member from now on, on the engine's clock, in milliseconds. */
  readonly leaseMs: number
  /** The leadership that its mail belongs to. Mail of another one is dropped: that fences leaders that were replaced. */
  readonly epoch: number
  /** Its reports are counted: mail of one that comes twice is taken once. */
  readonly count: number
  /** Mail up to this number has arrived. */
  readonly read: number
  readonly mail: readonly (readonly [to: string, text: string])[]
  /** It goes away. */
  readonly leaves: boolean
}

/** What it hears in return. */
export interface Reply {
  /** Which leadership this is: a new leader begins a new one, with a larger number. */
  readonly epoch: number
  readonly leader: string
  /** Whose lease has not ended. */
  readonly members: readonly string[]
  /** Whether it was no member before, or not any more: then its mail was dropped, and what it was told is void. */
  readonly joined: boolean
  /** The number of the last mail to it before those that follow. */
  readonly read: number
  readonly mail: readonly (readonly [number: number, text: string])[]
}

/** Mail that has just been sent. What a push does not bring, the next turn does. */
export type Push = (room: string, epoch: number, number: number, text: string) => void

/**
 * What carries messages between the members of a fleet, and says who leads: a Redis, or whatever does the same atomically
 * for each room.
 */
export interface Engine {
  turn(report: Report): Promise<Reply>
  /** Has mail pushed to a member. Without it, or where a push is lost, members look by themselves. */
  listen?(member: string, push: Push): () => void
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value)
const isText = (value: unknown): value is string => typeof value === 'string'

/** Whether it can be acted on: what an engine returns is not ours. */
export const isReply = (reply: Partial<Reply> | null | undefined): reply is Reply =>
  isNumber(reply?.epoch) &&
  isText(reply.leader) &&
  isNumber(reply.read) &&
  Array.isArray(reply.members) &&
  reply.members.every(isText) &&
  Array.isArray(reply.mail) &&
  reply.mail.every((one: unknown) => Array.isArray(one) && isNumber(one[0]) && isText(one[1]))
