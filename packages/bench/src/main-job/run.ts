import { createMockApi, leastTimeMs, type MockApiStats } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import { type Attempt, type ClientName, type CLIENTS, createClient } from './clients.ts'
import { lookUpAll, newCounts } from './lookups.ts'
import { apiOptions, type Settings } from './settings.ts'

/** What a client got out of the job. */
export interface Result {
  readonly client: ClientName
  readonly lookups: number
  /** Lookups that gave a record, that gave the news that there is none, and that gave neither: counted by the client. */
  readonly answered: number
  readonly empty: number
  readonly failed: number
  /** How often each error was thrown, by its message. */
  readonly errors: Readonly<Record<string, number>>
  readonly wallMs: number
  /** In which the API can serve as many lookups as this client got something for. */
  readonly leastMs: number
  /** The server's own count. */
  readonly server: MockApiStats
  /** Every request as the client saw it, `sentAt` since the beginning. */
  readonly attempts: readonly Attempt[]
}

/** How a run stands. */
export interface Progress {
  readonly done: number
  readonly server: MockApiStats
  readonly doing: string
}

/** Throws all lookups at a fresh API, at once, through one client. */
export const run = async (
  name: (typeof CLIENTS)[number],
  settings: Settings,
  onProgress: (progress: Progress) => void,
): Promise<Result> => {
  const { lookups } = settings
  const options = apiOptions(settings)
  const api = createMockApi(options)
  await using server = await serve(api)
  const attempts: Attempt[] = []
  const counts = newCounts()

  const beganAt = Date.now()
  const began = performance.now()
  const client = createClient[name]((attempt) => {
    attempts.push({ ...attempt, sentAt: attempt.sentAt - beganAt })
  }, settings)

  const report = () =>
    onProgress({ done: counts.answered + counts.empty + counts.failed, server: api.stats(), doing: client.doing() })
  const timer = setInterval(report, 100)
  const indexes = Array.from({ length: lookups }, (_, index) => index)
  await lookUpAll(client, server.url, indexes, counts)
  const wallMs = performance.now() - began
  clearInterval(timer)
  report()

  const leastMs = leastTimeMs(options, counts.answered + counts.empty)
  return { client: name, lookups, ...counts, wallMs, leastMs, server: api.stats(), attempts }
}
