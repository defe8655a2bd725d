import { having, type KindsOf, type Middleware, read as readValue, readOptions, string } from '@aplomb/pipeline'
import { type Client, type Commands, commandsOf } from './clients.ts'
import { type Credits, creditsOf } from './credits.ts'
import type { Engine, Reply, Report } from './engine.ts'
import { fleet, type FleetOptions, fleetOptions } from './fleet.ts'
import { newScript } from './run-script.ts'
import { TURN } from './script.ts'

/** Options of {@link redis}. */
export interface RedisOptions extends FleetOptions {
  /** Whose members act as one client: those of one namespace on one server. It begins the names of keys and channels. @default 'aplomb' */
  readonly namespace?: string | undefined
}

/** What makes one client of a fleet, and counts its credits. */
export interface RedisStore extends Middleware {
  /** Where `aplomb()` counts credits, unless `creditMeter.store` says otherwise. */
  readonly credits: Credits
}

export const redisOptions: KindsOf<RedisOptions> = {
  ...fleetOptions,
  // Braces would name another slot of a cluster.
  namespace: string('a name without braces', (name) => /^[^{}\s]+$/.test(name)),
}

/** A subscription that has ended for so long, in milliseconds, is that of a process that is gone: one that connects again takes less. */
const DEAF_MS = 400

/** The arguments of the script, without its key: numbers are written out. */
const argumentsOf = (namespace: string, report: Report): string[] => [
  `${namespace}:`,
  report.room,
  report.member,
  String(report.leaseMs),
  String(report.epoch),
  String(report.count),
  String(report.read),
  report.leaves ? '1' : '0',
  String(DEAF_MS),
  ...report.mail.flat(),
]

type Answer = readonly [
  epoch: number,
  leader: string,
  joined: number,
  read: number,
  members: string[],
  mail: (number | string)[],
]

const replyFrom = (answer: unknown): Reply => {
  const [epoch, leader, joined, read, members, mail] = answer as Answer
  const pairs = Array.from(
    { length: mail.length / 2 },
    (_, i) => [Number(mail[2 * i]), String(mail[2 * i + 1])] as const,
  )
  return { epoch, leader, members, joined: joined === 1, read, mail: pairs }
}

const keyOf = (namespace: string, room: string): string => `{${namespace}:${room}}`

/** What was pushed to a member: where it is from is in its first lines. */
const pushFrom = (message: string): [room: string, epoch: number, number: number, text: string] => {
  const [room = '', epoch, number, text = ''] = message.split('\n')
  return [room, Number(epoch), Number(number), text]
}

/** An engine on whatever carries commands to a Redis. */
export const engineOf = (command: Commands['command'], namespace = 'aplomb'): Engine => {
  const run = newScript(command, TURN)
  return {
    turn: async (report) => replyFrom(await run(keyOf(namespace, report.room), ...argumentsOf(namespace, report))),
  }
}

/** Redis or Valkey as the engine of a {@link fleet}. */
export const redisEngine = (client: Client, namespace = 'aplomb'): Engine => {
  const { command, subscribe } = commandsOf(client)
  return {
    ...engineOf(command, namespace),
    listen: (member, push) => subscribe(`${namespace}:${member}`, (message) => push(...pushFrom(message))),
  }
}

/**
 * Makes one client of all processes that share a key, on Redis 7 or Valkey 8 and later, through an `ioredis` or `redis`
 * (node-redis) client: what a server allows is learned once, and nobody sends what another's answers speak against.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = aplomb({ store: redis(new Redis(), { namespace: 'geo' }) })
 */
export const redis = (client: Client, options: RedisOptions = {}): RedisStore => {
  readValue(having('a client of ioredis or redis', 'duplicate'), client, { of: 'redis', path: 'client', root: {} })
  const { namespace, ...rest } = readOptions('redis', options, redisOptions)
  return Object.assign(fleet(redisEngine(client, namespace), rest), {
    credits: creditsOf(commandsOf(client), namespace),
  })
}
