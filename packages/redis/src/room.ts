import { clock } from '@aplomb/pipeline'
import type { Reply } from './engine.ts'
import { tellKnown } from './hearsay.ts'
import { newHeartbeat } from './heartbeat.ts'
import { newKnowledge } from './knowledge.ts'
import { type Leader, newLeader } from './leader.ts'
import type { Known, Message, Request } from './messages.ts'
import { newSeats } from './seats.ts'
import { newNews } from './news.ts'
import { AWAY, BEAT, IDLE_LEASES, LATE, LEASE_USED } from './lease.ts'
import type { Room, RoomContext } from './room-context.ts'
import { newRollCall } from './roll-call.ts'
import { newShare } from './share.ts'
import { newTurns, type Turns } from './turns.ts'

/** Who decides for the calls of a key here: nobody yet; somebody else; this member, for all; or for itself, without the engine. */
type Mode = 'joining' | 'following' | 'leading' | 'alone'

export const newRoom = (context: RoomContext): Room => {
  const { name, key, me, engine, leaseMs, awayMs, doorway, standIns } = context
  let mode: Mode = 'joining'
  let epoch = 0
  let leaderId = ''
  let members: readonly string[] = []
  /** Until when what it was told may be acted on, on the `clock`. */
  let validUntil = -Infinity
  /** When the last turn that was answered began, or the first of all. */
  let answeredAt = clock()
  let failing = false
  let usedAt = clock()
  let closed = false
  const knowledge = newKnowledge()
  const share = newShare(awayMs)
  const roll = newRollCall(me, leaseMs, awayMs)

  /** What is not for soon goes with the next turn. */
  const post = (to: string, message: Message, forSoon = true): void => {
    if (to === me) return deliver(me, message)
    if (mode !== 'alone' && mode !== 'joining') turns.post(to, message, forSoon)
  }

  const toLeader = (message: Request, forSoon?: boolean): void => {
    if (mode !== 'joining') post(mode === 'following' ? leaderId : me, message, forSoon)
  }

  const leader: Leader = newLeader({
    key,
    me,
    doorway,
    standIns,
    post,
    heard: (from, verdict) => {
      const known = { verdict, ageMs: 0 }
      if (from !== me) knowledge.note(known)
      if (mode === 'leading') news.spread(verdict.retryAfterMs ? [known] : [], from)
    },
  })

  const news = newNews({ me, members: () => members, knowledge, ceiling: () => leader.ceiling, post })

  const seats = newSeats({
    key,
    doorway,
    post: toLeader,
    leaseMs,
    maySend: () => {
      if (clock() < validUntil) return true
      turns.take()
      return false
    },
    ceiling: () => (mode === 'following' ? news.ceiling : leader.ceiling),
    mayKeep: () => !failing,
    heard: (verdict) => knowledge.note({ verdict, ageMs: 0 }),
  })

  const retell = (): void =>
    seats.retell((flights) =>
      toLeader({ to: 'leader', type: 'state', flights, known: mode === 'following' ? knowledge.list() : [] }),
    )

  const deliver = (from: string, message: Message): void => {
    usedAt = clock()
    if ('known' in message) for (const known of message.known) knowledge.note(known)
    if (message.to === 'member') {
      if (message.type !== 'known') return seats.receive(message)
      news.ceiling = message.ceiling
      if (message.forgot) retell()
    } else if (mode === 'leading' || (mode === 'alone' && from === me)) {
      leader.receive(from, message)
      if (message.type !== 'state') return
      if (roll.returned(from)) context.wake()
      if (roll.told(from)) openIfAllAreHeard()
      // It was alone meanwhile.
      else if (!roll.awaits) learn(message.known)
    }
  }

  const learn = (known: readonly Known[] = knowledge.list()): void => {
    tellKnown(key, doorway.constraints(key), known)
    context.wake()
  }

  /** Once a new leader knows what is in flight, calls are let through. */
  const openIfAllAreHeard = (): void => {
    if (roll.isComplete(members)) learn()
  }

  const lead = (reply: Reply, forgot: boolean): void => {
    const before = mode
    mode = 'leading'
    leaderId = me
    roll.begin(reply.members)
    // They hear of a new leader by a first word of it.
    for (const one of reply.members)
      if (one !== me) post(one, { to: 'member', type: 'known', known: [], ceiling: news.ceiling, forgot })
    if (before === 'leading' || before === 'alone') leader.keep(new Set([me]))
    else retell()
  }

  const follow = (reply: Reply): void => {
    mode = 'following'
    leaderId = reply.leader
    roll.end()
    leader.resign()
    retell()
  }

  const goAlone = (): void => {
    const before = mode
    mode = 'alone'
    turns.forget()
    roll.end()
    share.begin(news.ceiling ?? leader.ceiling, roll.everybody(members), me)
    leader.keep(new Set([me]))
    if (before !== 'leading') {
      learn()
      retell()
    }
    context.wake()
  }

  const adopt = (reply: Reply, beganAt: number): void => {
    // Of two replies, only the first says that it has joined, and that one may be lost: its mail is numbered anew.
    const afresh = reply.joined || reply.read > turns.read
    const isNew = afresh || reply.epoch !== epoch || mode === 'joining' || mode === 'alone'
    answeredAt = beganAt
    validUntil = beganAt + leaseMs * LEASE_USED
    const hadFailed = failing
    failing = false
    context.works()
    if (isNew) {
      const forgot = reply.epoch === epoch
      epoch = reply.epoch
      turns.begin(reply.read)
      if (afresh || mode === 'alone') roll.lost(members)
      if (reply.leader === me) lead(reply, forgot)
      else follow(reply)
    }
    // A leader waits for their word.
    if (mode === 'following') for (const one of reply.members) roll.returned(one)
    const before = members
    ;({ members } = reply)
    if (mode === 'leading' && !isNew) news.welcome(members.filter((one) => !before.includes(one)))
    for (const [number, text] of reply.mail) turns.open(number, text)
    if (mode === 'leading') {
      if (!isNew) leader.keep(new Set(members))
      if (isNew || roll.awaits) openIfAllAreHeard()
      else if (hadFailed) context.wake()
    }
    seats.renewed()
  }

  /** `late`: nothing is known of it yet. */
  const fail = (error: unknown, beganAt: number, late = false): void => {
    if (!failing && mode === 'leading') share.begin(leader.ceiling, roll.everybody(members), me)
    failing = true
    if (mode === 'alone') {
      validUntil = beganAt + leaseMs
      seats.renewed()
    } else if (
      (mode === 'joining' && !late) ||
      clock() >= answeredAt + leaseMs * (mode === 'leading' ? LEASE_USED : AWAY)
    ) {
      validUntil = clock() + leaseMs
      context.failed(error)
      goAlone()
    }
  }

  const isIdle = (): boolean => seats.size === 0 && !leader.busy && !roll.awaits

  const look = (wasStopped: boolean): void => {
    const lostAt = turns.giveUp(wasStopped)
    if (turns.waits) return heartbeat.next()
    if (lostAt !== undefined) fail(new Error('The engine does not answer'), lostAt, true)
    seats.tidy()
    if (roll.expire()) context.wake()
    const leaves = isIdle() && clock() - usedAt >= leaseMs * IDLE_LEASES
    turns.take(leaves)
    if (!leaves) return
    closed = true
    turns.close()
    heartbeat.end()
    context.closed()
  }

  const heartbeat = newHeartbeat({
    intervalMs: () => leaseMs * (isIdle() && !failing ? LATE : BEAT),
    keepsAlive: () => seats.size > 0,
    lateMs: leaseMs * LATE,
    look,
  })

  const turns: Turns = newTurns({
    engine,
    usableMs: leaseMs * LEASE_USED,
    lateMs: leaseMs * LATE,
    report: () => ({ room: name, member: me, leaseMs, epoch }),
    deliver: (from, message) => deliver(from, message),
    adopt,
    fail,
    tend: heartbeat.next,
  })

  return {
    pass: (request, call, next) => {
      usedAt = clock()
      const passing = seats.pass(request, call, next)
      if (mode === 'joining') turns.take()
      else if (seats.size === 1) heartbeat.next()
      return passing
    },
    push: (its, number, text) => {
      if (closed || its < epoch) return
      if (its === epoch && number === turns.read + 1 && (mode === 'leading' || mode === 'following'))
        turns.open(number, text)
      else if (its > epoch || number > turns.read) turns.take()
    },
    waitMs: () => {
      if (mode === 'leading' && roll.awaits) return Infinity
      if (mode === 'alone' || failing) return share.waitMs(leader.inFlight)
      if (!roll.misses) return 0
      return leader.inFlight < (leader.ceiling ?? Infinity) - roll.reserved(leader.ceiling) ? 0 : Infinity
    },
  }
}
