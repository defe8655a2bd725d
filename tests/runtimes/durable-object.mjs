// What a fleet says to a Durable Object, and hears from it, in workerd: each call of the seam, then a fleet as a whole.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { bundle } from './packed.mjs'

const LEASE_MS = 300

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const serve = async (folder) => {
  const { Miniflare } = await import('miniflare')
  const contents = readFileSync(
    await bundle(folder, 'fleet-object', { conditions: ['workerd', 'worker', 'browser'] }),
    'utf8',
  )
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'fleet-object.js', contents }],
    compatibilityDate: '2026-04-01',
    durableObjects: { FLEET: 'Fleet', BROKEN: 'Broken' },
  })
  await miniflare.ready
  const load = (name) => import(pathToFileURL(join(folder, 'node_modules', name, 'dist/index.js')).href)
  const { durableObjectEngine, fleet } = await load('@aplomb/redis')
  const { aplomb } = await load('aplomb')
  const [objects, broken] = await Promise.all(
    ['FLEET', 'BROKEN'].map((name) => miniflare.getDurableObjectNamespace(name)),
  )
  const engineOf = (namespace) => {
    const stub = namespace.get(namespace.idFromName('fleet'))
    return durableObjectEngine(() => stub)
  }
  return {
    engine: engineOf(objects),
    broken: engineOf(broken),
    newClient: (fetch) => aplomb({ log: false, fetch, store: fleet(engineOf(objects)), concurrencyGate: { limit: 2 } }),
    close: () => miniflare.dispose(),
  }
}

/** One that takes turns in a room, and counts them. */
const newMember = (engine, room, member) => {
  const state = { epoch: 0, count: 0, read: 0 }
  return async (more = {}) => {
    const report = { room, member, leaseMs: LEASE_MS, ...state, count: ++state.count, mail: [], leaves: false, ...more }
    const reply = await engine.turn(report)
    Object.assign(state, { epoch: reply.epoch, read: reply.mail.at(-1)?.[0] ?? reply.read })
    return reply
  }
}

const textsOf = ({ mail }) => mail.map(([, text]) => text)

/** Each gives what it has found, and what that should be. */
const CHECKS = {
  'the first leads, the next follows': async ({ engine }) => {
    const [one, other] = ['one', 'other'].map((name) => newMember(engine, 'leads', name))
    const [first, next] = [await one(), await other()]
    const found = [
      first.leader,
      first.joined,
      next.leader,
      next.joined,
      next.epoch === first.epoch,
      next.members.toSorted(),
    ]
    return [found, ['one', true, 'one', true, true, ['one', 'other']]]
  },
  'mail is kept until it is read, and a report that comes twice is taken once': async ({ engine }) => {
    const [one, other] = ['one', 'other'].map((name) => newMember(engine, 'mail', name))
    const { epoch } = await one()
    const { read } = await other()
    const twice = { count: 2, epoch, mail: [['other', 'hello']] }
    await one(twice)
    await one(twice)
    const found = [textsOf(await other()), textsOf(await other({ read })), textsOf(await other())]
    return [found, [['hello'], ['hello'], []]]
  },
  'mail of another leadership is dropped': async ({ engine }) => {
    const [one, other] = ['one', 'other'].map((name) => newMember(engine, 'fenced', name))
    const { epoch } = await one()
    await other()
    await one({ epoch: epoch - 1, mail: [['other', 'late']] })
    return [textsOf(await other()), []]
  },
  'whoever leaves leads no more': async ({ engine }) => {
    const [one, other] = ['one', 'other'].map((name) => newMember(engine, 'leaves', name))
    const { epoch } = await one()
    await other()
    await one({ leaves: true })
    const reply = await other()
    return [
      [reply.leader, reply.members, reply.epoch > epoch],
      ['other', ['other'], true],
    ]
  },
  'nor does one whose lease has ended, which joins anew': async ({ engine }) => {
    const [one, other] = ['one', 'other'].map((name) => newMember(engine, 'lease', name))
    await one()
    await other()
    for (let i = 0; i < 4; i++) {
      await sleep(LEASE_MS / 2)
      await other()
    }
    const [reply, again] = [await other(), await one()]
    return [
      [reply.leader, again.joined, again.leader],
      ['other', true, 'other'],
    ]
  },
  'an object that fails is an error': async ({ broken }) => {
    const said = await newMember(broken, 'room', 'one')().catch(String)
    return [said, 'Error: The Durable Object answered 500']
  },
  'two members are one client': async ({ newClient }) => {
    let [inFlight, most] = [0, 0]
    const answer = async () => {
      most = Math.max(most, ++inFlight)
      await sleep(20)
      inFlight--
      return new Response('ok')
    }
    const members = [newClient(answer), newClient(answer)]
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, i) => members[i % 2](`https://api.test/v1/${i}`)),
    )
    return [
      [responses.every(({ status }) => status === 200), most],
      [true, 2],
    ]
  },
}

export const durableObjectChecks = async (folder) => {
  const object = await serve(folder)
  try {
    const results = []
    for (const [check, run] of Object.entries(CHECKS)) {
      const [found, right] = await run(object)
      const problems = isDeepStrictEqual(found, right) ? [] : [`${JSON.stringify(found)}, not ${JSON.stringify(right)}`]
      results.push({ check, problems })
    }
    return results
  } finally {
    await object.close()
  }
}
