import { createMockApi, leastTimeMs } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { startRedis } from '../fleet/redis-server.ts'
import { start } from '../goodput/start.ts'
import type { Attempt, ClientName } from './clients.ts'
import { type Counts, newCounts } from './lookups.ts'
import type { Part, Share } from './process.ts'
import type { Progress, Result } from './run.ts'
import { apiOptions, type Settings } from './settings.ts'

const sumOf = (all: readonly Counts[]): Counts => {
  const sum = newCounts()
  for (const { answered, empty, failed, errors } of all) {
    sum.answered += answered
    sum.empty += empty
    sum.failed += failed
    for (const [message, count] of Object.entries(errors)) sum.errors[message] = (sum.errors[message] ?? 0) + count
  }
  return sum
}

/** The same job by several processes, each with its part of the lookups: for themselves, or as one fleet. */
export const runFleet = async (
  name: Extract<ClientName, 'apart' | 'fleet'>,
  processes: number,
  settings: Settings,
  onProgress: (progress: Progress) => void,
): Promise<Result> => {
  const { lookups } = settings
  const options = apiOptions(settings)
  const api = createMockApi(options)
  await using server = await serve(api)
  await using redis = name === 'fleet' ? await startRedis() : undefined
  await using children = new AsyncDisposableStack()
  const counts = Array.from({ length: processes }, newCounts)
  const attempts: Attempt[] = []

  const work = async (place: number): Promise<void> => {
    const child = children.use(start(new URL('./process.ts', import.meta.url)))
    const indexes = Array.from({ length: lookups }, (_, index) => index).filter((index) => index % processes === place)
    child.send({ settings, origin: server.url, indexes, redisUrl: redis?.url } satisfies Part)
    for (;;) {
      const share = (await child.next()) as Share
      counts[place] = share.counts
      attempts.push(...share.attempts)
      if (share.over) return
    }
  }

  const doing = name === 'fleet' ? `${processes} processes as one` : `${processes} processes, each for itself`
  const report = (): void => {
    const { answered, empty, failed } = sumOf(counts)
    onProgress({ done: answered + empty + failed, server: api.stats(), doing })
  }
  const timer = setInterval(report, 100)
  await Promise.all(counts.map((_, place) => work(place)))
  clearInterval(timer)
  report()

  // Their clock begins with the first request: until then, processes start.
  const beganAt = Math.min(...attempts.map(({ sentAt }) => sentAt))
  const wallMs = Math.max(...attempts.map(({ sentAt, headersMs }) => sentAt + headersMs)) - beganAt
  const sum = sumOf(counts)
  return {
    client: name,
    lookups,
    ...sum,
    wallMs,
    leastMs: leastTimeMs(options, sum.answered + sum.empty),
    server: api.stats(),
    attempts: attempts.map((attempt) => ({ ...attempt, sentAt: attempt.sentAt - beganAt })),
  }
}
