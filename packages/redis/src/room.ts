import { type Call, clock, type Doorway, later } from '@aplomb/pipeline'
import type { Engine, Reply, Report } from './engine.ts'
import { newKnowledge } from './knowledge.ts'
import { type Leader, newLeader } from './leader.ts'
import type { Known, Message, Request } from './messages.ts'
import { newSeats } from './seats.ts'
import { newShare, partOf } from './share.ts'
import type { StandIn } from './stand-in.ts'

/** The part of a lease for which its holder acts on it: the way to the engine and back is not known to be short. */
const LEASE_USED = 0.9
/** The part of a lease that a turn may take, before it is taken for lost; and after which members look while nothing happens. */
const LATE = 1 / 3
/** The same while there is something to do: a leader that was killed is missed this soon. */
const BEAT = 1 / 12
/** When others stop to wait for a leader whose engine is away, in leases: it has stopped leading by then. */
const AWAY = 1.2
/** So many messages are kept for the next turn. */
const MOST_KEPT = 32
/** So many leases without calls, and a member leaves. */
const IDLE_LEASES = 10

/** Who decides for the calls of a key here: nobody yet; somebody else; this member, for all; or for itself, without the engine. */
type Mode = 'joining' | 'following' | 'leading' | 'alone'

/** One key, as one member of its fleet sees it. */
export interface Room {
  pass: Doorway['pass']
  /** Mail was pushed. */
  push(epoch: number, number: number, text: string): void
  /** How long calls that are let through here have to wait for the fleet, in milliseconds. */
  waitMs(): number
}

export interface RoomContext {
  readonly name: string
  readonly key: string
  readonly me: string
  readonly engine: Engine
  readonly leaseMs: number
  readonly awayMs: number
  readonly doorway: Doorway
  readonly standIns: WeakMap<Call, StandIn>
  /** Those who wait at the door may be let through. */
  readonly wake: () => void
  readonly failed: (error: unknown) => void
  readonly works: () => void
  /** Nobody is here any more. */
  readonly closed: () => void
}

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
  let read = 0
  let count = 0
  const outbox = new Map<string, Message[]>()
  /** A report that was not answered is sent again, as it is. */
  let unanswered: Report | undefined
  let turnBeganAt: number | undefined
  let turns = 0
  /** Of the last turn that was answered. */
  let answered = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let dueAt = 0
  let soon = false
  let usedAt = clock()
  let closed = false
  /** Whose calls in flight a new leader does not know yet. What they were told before is void within a lease. */
  const awaited = new Set<string>()
  let awaitedUntil = 0
  /** Who is awaited although the engine does not know it: what was stored is lost. */
  let former: readonly string[] = []
  let ceiling: number | undefined
  const knowledge = newKnowledge()
  let learning = 0
  const share = newShare(awayMs)
  /** Who was here before the engine failed and has not come back: it may still go on with its part. */
  const absent = new Set<string>()
  let absentUntil = 0

  const reserved = (): number => {
    const most = leader.ceiling
    if (most === undefined || clock() >= absentUntil) return 0
    let sum = 0
    for (const one of absent) sum += partOf(most, former, one)
    return sum
  }

  /** What is not for soon goes with the next turn. */
  const post = (to: string, message: Message, forSoon = true): void => {
    if (to === me) return deliver(me, message)
    if (mode === 'alone' || mode === 'joining') return
    const mail = outbox.get(to)
    if (mail) mail.push(message)
    else outbox.set(to, [message])
    if (forSoon || (mail?.length ?? 0) >= MOST_KEPT) turnSoon()
  }

  const toLeader = (message: Request, forSoon?: boolean): void => {
    if (mode !== 'joining') post(mode === 'following' ? leaderId : me, message, forSoon)
  }

  /** Tells the others what one has heard. */
  const spread = (known: readonly Known[], except: string): void => {
    if (mode !== 'leading') return
    const before = ceiling
    ceiling = leader.ceiling
    if (known.length === 0 && ceiling === before) return
    for (const to of members)
      if (to !== me && (to !== except || ceiling !== before)) post(to, { to: 'member', type: 'known', known, ceiling })
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
      spread(verdict.retryAfterMs ? [known] : [], from)
    },
  })

  const seats = newSeats({
    key,
    doorway,
    post: toLeader,
    idleMs: leaseMs * LATE,
    maySend: () => {
      if (clock() < validUntil) return true
      turn()
      return false
    },
    mayKeep: () => !failing,
    heard: (verdict) => knowledge.note({ verdict, ageMs: 0 }),
  })

  const retell = (): void =>
    seats.retell((flights) => {
      const known = mode === 'following' ? knowledge.list() : []
      toLeader({ to: 'leader', type: 'state', flights, known })
    })

  const deliver = (from: string, message: Message): void => {
    usedAt = clock()
    if (message.to === 'member') {
      if (message.type !== 'known') return seats.receive(message)
      for (const known of message.known) knowledge.note(known)
      ceiling = message.ceiling
    } else if (mode === 'leading' || (mode === 'alone' && from === me)) {
      leader.receive(from, message)
      if (message.type !== 'state') return
      for (const known of message.known) knowledge.note(known)
      if (absent.delete(from)) context.wake()
      if (awaited.delete(from)) openIfAllAreHeard()
      // It was alone meanwhile.
      else if (awaited.size === 0) learn(message.known)
    }
  }

  /** What is known reaches the constraints by way of the door: until then nobody passes that. */
  const learn = (known: readonly Known[] = knowledge.list()): void => {
    learning++
    void leader.learn(known).finally(() => {
      learning--
      context.wake()
    })
  }

  /** Once a new leader knows what is in flight, calls are let through. */
  const openIfAllAreHeard = (): void => {
    for (const one of awaited)
      if (clock() >= awaitedUntil || !(members.includes(one) || former.includes(one))) awaited.delete(one)
    if (awaited.size > 0) return
    learn()
  }

  const everybody = (): readonly string[] => [...new Set([...members, ...absent])]

  /** What was stored may be lost: whoever was here may still be, and has not heard of it. */
  const noteAbsent = (): void => {
    for (const one of members) absent.add(one)
    absent.delete(me)
    absentUntil = clock() + awayMs
  }

  const lead = (reply: Reply): void => {
    const before = mode
    former = [...absent, me]
    mode = 'leading'
    leaderId = me
    awaited.clear()
    for (const one of [...former, ...reply.members]) awaited.add(one)
    awaitedUntil = clock() + leaseMs
    awaited.delete(me)
    // They hear of a new leader by a first word of it.
    for (const one of reply.members) if (one !== me) post(one, { to: 'member', type: 'known', known: [], ceiling })
    if (before === 'leading' || before === 'alone') leader.keep(new Set([me]))
    else retell()
  }

  const follow = (reply: Reply): void => {
    mode = 'following'
    leaderId = reply.leader
    awaited.clear()
    leader.resign()
    retell()
  }

  const goAlone = (): void => {
    const before = mode
    mode = 'alone'
    outbox.clear()
    unanswered = undefined
    awaited.clear()
    share.begin(ceiling ?? leader.ceiling, everybody(), me)
    leader.keep(new Set([me]))
    if (before !== 'leading') {
      learn()
      retell()
    }
    context.wake()
  }

  const adopt = (reply: Reply, beganAt: number): void => {
    // Of two replies, only the first says that it has joined, and that one may be lost: its mail is numbered anew.
    const afresh = reply.joined || reply.read > read
    const isNew = afresh || reply.epoch !== epoch || mode === 'joining' || mode === 'alone'
    answeredAt = beganAt
    validUntil = beganAt + leaseMs * LEASE_USED
    const hadFailed = failing
    failing = false
    context.works()
    if (isNew) {
      epoch = reply.epoch
      read = reply.read
      outbox.clear()
      if (afresh || mode === 'alone') noteAbsent()
      if (reply.leader === me) lead(reply)
      else follow(reply)
    }
    // A leader waits for their word.
    if (mode === 'following') for (const one of reply.members) absent.delete(one)
    ;({ members } = reply)
    for (const [number, text] of reply.mail) open(number, text)
    if (mode === 'leading') {
      if (!isNew) leader.keep(new Set(members))
      if (isNew || awaited.size > 0) openIfAllAreHeard()
      else if (hadFailed) context.wake()
    }
    seats.renewed()
  }

  const open = (number: number, text: string): void => {
    if (number !== read + 1) return
    read = number
    const [from, messages] = JSON.parse(text) as [string, readonly Message[]]
    for (const message of messages) deliver(from, message)
  }

  /** `late`: nothing is known of it yet. */
  const fail = (error: unknown, beganAt: number, late = false): void => {
    if (!failing && mode === 'leading') share.begin(leader.ceiling, everybody(), me)
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

  const newReport = (leaves: boolean): Report => {
    const mail = Array.from(outbox, ([to, messages]): [string, string] => [to, JSON.stringify([me, messages])])
    outbox.clear()
    return { room: name, member: me, leaseMs, epoch, count: ++count, read, mail, leaves }
  }

  const turn = (leaves = false): void => {
    if (turnBeganAt !== undefined || closed) return
    const beganAt = clock()
    const number = ++turns
    turnBeganAt = beganAt
    unanswered = unanswered ? { ...unanswered, read } : newReport(leaves)
    const report = unanswered
    const ask = async (): Promise<Reply> => engine.turn(report)
    ask().then(
      (reply) => {
        // A reply that was taken for lost is as good as another, unless it comes too late.
        if (closed || number < answered || clock() >= beganAt + leaseMs * LEASE_USED) return
        answered = number
        if (number === turns) turnBeganAt = undefined
        if (unanswered?.count === report.count) unanswered = undefined
        adopt(reply, beganAt)
        if (outbox.size > 0) turn()
        else tendIn()
      },
      (error: unknown) => {
        if (closed || number !== turns) return
        turnBeganAt = undefined
        fail(error, beganAt)
        tendIn()
      },
    )
    tendIn()
  }

  const turnSoon = (): void => {
    if (soon) return
    soon = true
    queueMicrotask(() => {
      soon = false
      if (outbox.size > 0) turn()
    })
  }

  const isIdle = (): boolean => seats.size === 0 && !leader.busy && awaited.size === 0

  const tend = (): void => {
    const now = clock()
    // After a stop of the whole process nobody else is late.
    const wasStopped = now - dueAt > leaseMs * LATE
    if (turnBeganAt !== undefined && (wasStopped || now - turnBeganAt < leaseMs * LATE)) {
      if (wasStopped) turnBeganAt = now
      return tendIn()
    }
    if (turnBeganAt !== undefined) {
      const beganAt = turnBeganAt
      turnBeganAt = undefined
      fail(new Error('The engine does not answer'), beganAt, true)
    }
    seats.tidy()
    if (absent.size > 0 && now >= absentUntil) {
      absent.clear()
      context.wake()
    }
    const leaves = isIdle() && now - usedAt >= leaseMs * IDLE_LEASES
    turn(leaves)
    if (!leaves) return
    closed = true
    clearTimeout(timer)
    context.closed()
  }

  const tendIn = (): void => {
    clearTimeout(timer)
    const ms = leaseMs * (isIdle() && !failing ? LATE : BEAT)
    dueAt = clock() + ms
    timer = later(tend, ms)
    // Elsewhere a timer is a number.
    if (seats.size === 0 && typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
  }

  return {
    pass: (request, call, next) => {
      usedAt = clock()
      const passing = seats.pass(request, call, next)
      if (mode === 'joining') turn()
      else if (seats.size === 1) tendIn()
      return passing
    },
    push: (its, number, text) => {
      if (closed || its < epoch) return
      if (its === epoch && number === read + 1 && (mode === 'leading' || mode === 'following')) open(number, text)
      else if (its > epoch || number > read) turn()
    },
    waitMs: () => {
      if (learning > 0 || (mode === 'leading' && awaited.size > 0)) return Infinity
      if (mode === 'alone' || failing) return share.waitMs(leader.inFlight)
      if (absent.size === 0) return 0
      return leader.inFlight < (leader.ceiling ?? Infinity) - reserved() ? 0 : Infinity
    },
  }
}
