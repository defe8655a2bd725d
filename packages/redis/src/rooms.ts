import type { Engine, Push, Reply, Report } from './engine.ts'

interface Member {
  expiresAt: number
  /** Of the last report that was taken. */
  count: number
  /** Of the last mail to it. */
  number: number
  mail: (readonly [number: number, text: string])[]
}

interface Room {
  epoch: number
  leader: string
  readonly members: Map<string, Member>
}

/** Mail to one that comes back goes on from a number that was never used: the time in thousandths of a millisecond. */
const NUMBERS_PER_MS = 1000

/** Whoever leaves so many messages unread is gone: they would fill the memory. */
export const MOST_UNREAD = 10_000

/** The rules of an engine, on one clock and in one memory. The script of Redis has the same. */
export const newRooms = (
  now: () => number,
  push: (member: string, ...mail: Parameters<Push>) => void,
): ((report: Report) => Reply) => {
  const rooms = new Map<string, Room>()

  const post = (room: Room, name: string, epoch: number, mail: Report['mail']): void => {
    for (const [to, text] of mail) {
      const member = room.members.get(to)
      if (!member) continue
      member.mail.push([++member.number, text])
      if (member.mail.length > MOST_UNREAD) room.members.delete(to)
      push(to, name, epoch, member.number, text)
    }
  }

  return ({ room: name, member: id, leaseMs, epoch, count, read, mail, leaves }) => {
    const at = now()
    const room = rooms.get(name) ?? { epoch: 0, leader: '', members: new Map<string, Member>() }
    rooms.set(name, room)
    for (const [one, its] of room.members) {
      // A clock that was set back keeps nobody for longer than a lease.
      its.expiresAt = Math.min(its.expiresAt, at + leaseMs)
      if (its.expiresAt <= at) room.members.delete(one)
    }
    const known = room.members.get(id)
    const me = known ?? { expiresAt: 0, count: 0, number: at * NUMBERS_PER_MS, mail: [] }
    me.expiresAt = at + leaseMs
    room.members.set(id, me)
    if (!room.members.has(room.leader)) {
      // Larger than before, also where what was stored is lost.
      room.epoch = Math.max(room.epoch, epoch, at) + 1
      room.leader = id
    }
    if (known && epoch === room.epoch && count > me.count) post(room, name, epoch, mail)
    me.count = count
    me.mail = me.mail.filter(([number]) => number > read)
    const first = me.mail[0]
    const reply: Reply = {
      epoch: room.epoch,
      leader: room.leader,
      members: [...room.members.keys()],
      joined: known === undefined,
      read: first ? first[0] - 1 : me.number,
      mail: me.mail,
    }
    if (leaves) room.members.delete(id)
    if (room.members.size === 0) rooms.delete(name)
    return reply
  }
}

/**
 * An engine in this process: for tests, and for several pipelines of one process that share a key.
 *
 * @example
 * const engine = memoryEngine()
 * const [one, other] = [aplomb({ store: fleet(engine) }), aplomb({ store: fleet(engine) })]
 */
export const memoryEngine = (): Engine => {
  const listeners = new Map<string, Push>()
  const turn = newRooms(
    () => Math.floor(performance.now()),
    (member, ...mail) => queueMicrotask(() => listeners.get(member)?.(...mail)),
  )
  return {
    turn: async (report) => turn(report),
    listen: (member, push) => {
      listeners.set(member, push)
      return () => void listeners.delete(member)
    },
  }
}
