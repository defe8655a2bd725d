import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { generator } from '../sim/simulate.ts'
import type { MemberTask } from './member.ts'

/** What happens to a fleet, and how much of it. */
export interface ChaosPlan {
  readonly redisUrl: string
  readonly namespace: string
  readonly members: number
  readonly ceiling: number
  readonly calls: number
  readonly leaseMs: number
  /** How long the server takes for a request. */
  readonly latencyMs: number
  /** Milliseconds between two blows. */
  readonly everyMs: number
  readonly seed: number
  readonly kills: boolean
  readonly stops: boolean
  readonly longestStopMs: number
  /** Something else, in between: a restart of the engine. */
  readonly meanwhile?: (() => Promise<void>) | undefined
}

export interface ChaosOutcome {
  readonly answered: number
  readonly failed: readonly string[]
  readonly mostInFlight: number
  /** Requests that came while as many as allowed were there. */
  readonly over: number
  /** When those came, in milliseconds since the last blow of each sort. */
  readonly overAt: readonly string[]
  readonly kills: number
  readonly stops: number
  readonly wallMs: number
  /** Of calls that nothing was done to, the longest. */
  readonly longestMs: number
}

export const chaos = async (plan: ChaosPlan): Promise<ChaosOutcome> => {
  const { redisUrl, namespace, members, ceiling, calls, leaseMs, latencyMs, everyMs, seed } = plan
  const random = generator(seed)
  let inFlight = 0
  let mostInFlight = 0
  let over = 0
  const overAt: string[] = []
  let lastBlow = ''
  let lastBlowAt = 0
  const server = createServer((request, response) => {
    if (inFlight >= ceiling) {
      over++
      overAt.push(`${lastBlow} +${Math.round(performance.now() - lastBlowAt)} by ${request.url} (${inFlight})`)
    }
    mostInFlight = Math.max(mostInFlight, ++inFlight)
    // Before the client may know of it.
    const leave = (): void => {
      response.off('close', leave)
      clearTimeout(timer)
      inFlight--
    }
    const timer = setTimeout(
      () => {
        leave()
        response.end('{}')
      },
      latencyMs * (0.5 + random()),
    )
    response.once('close', leave)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const failed: string[] = []
  const answers: true[] = []
  let longestMs = 0
  const stopped = new Set<ChildProcess>()
  const resumedAt = new WeakMap<ChildProcess, number>()
  const startMember = (): ChildProcess => {
    const child = fork(fileURLToPath(new URL('./member.ts', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const task: MemberTask = { redisUrl, namespace, origin, leaseMs, limit: ceiling, atOnce: 5 }
    child.send({ ...task })
    child.on('message', ({ ok, ms, error }: { ok: boolean; ms: number; error?: string }) => {
      if (ok) answers.push(true)
      else failed.push(error ?? 'not ok')
      // What was under way while its process was stopped has waited for that.
      const wasStopped = stopped.has(child) || performance.now() - (resumedAt.get(child) ?? -Infinity) < ms
      if (ms > longestMs && !wasStopped) longestMs = ms
    })
    return child
  }
  const fleet = Array.from({ length: members }, startMember)
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  const until = async (count: number): Promise<void> => {
    while (answers.length < count) await pause(10)
  }
  await until(members)

  const beganAt = performance.now()
  let kills = 0
  let stops = 0
  const resumed: Promise<void>[] = []
  const blow = async (): Promise<void> => {
    const victim = Math.floor(random() * members)
    const child = fleet[victim] as ChildProcess
    lastBlowAt = performance.now()
    if (plan.kills && (!plan.stops || random() < 0.5)) {
      kills++
      lastBlow = `kill ${child.pid}`
      child.kill('SIGKILL')
      stopped.delete(child)
      fleet[victim] = startMember()
    } else if (plan.stops && !stopped.has(child)) {
      stops++
      const ms = 100 * (plan.longestStopMs / 100) ** random()
      lastBlow = `stop ${child.pid} ${Math.round(ms)}`
      stopped.add(child)
      child.kill('SIGSTOP')
      resumed.push(
        pause(ms).then(() => {
          lastBlow = `cont ${child.pid} ${Math.round(ms)}`
          lastBlowAt = performance.now()
          child.kill('SIGCONT')
          stopped.delete(child)
          resumedAt.set(child, performance.now())
        }),
      )
    }
    await plan.meanwhile?.()
  }
  const done = until(calls)
  const state = { over: false }
  void done.then(() => (state.over = true))
  while (!state.over) {
    await Promise.race([done, pause(everyMs * 2 * random())])
    await blow()
  }
  const wallMs = performance.now() - beganAt
  await Promise.all(resumed)
  for (const child of fleet) child.kill('SIGKILL')
  server.closeAllConnections()
  server.close()
  return { answered: answers.length, failed, mostInFlight, over, overAt, kills, stops, wallMs, longestMs }
}
