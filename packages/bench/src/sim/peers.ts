import Bottleneck from 'bottleneck'
import ky from 'ky'
import pLimit from 'p-limit'
import pRetry from 'p-retry'
import { aplomb } from 'aplomb'
import { MODES } from './modes.ts'
import { type Fetch, type Outcome, simulate } from './simulate.ts'

const AT_ONCE = 10
const RETRIES = 3

/** What is not ok is a failure to those that only wrap a function. */
const strict = (fetch: Fetch): Fetch => {
  return async (input, init) => {
    const response = await fetch(input, init)
    if (response.ok) return response
    await response.arrayBuffer()
    throw new Error(`HTTP ${response.status}`)
  }
}

/** Set up as in the goodput benchmark, which measures more of them, over sockets. */
const PEERS: Readonly<Record<string, (fetch: Fetch) => Fetch>> = {
  ky: (fetch) => {
    const client = ky.create({
      fetch,
      retry: { limit: RETRIES, jitter: true },
      timeout: false,
    })
    return (input) => client(input)
  },
  'p-retry + p-limit': (fetch) => {
    const limit = pLimit(AT_ONCE)
    const get = strict(fetch)
    return (input) => limit(() => pRetry(() => get(input), { retries: RETRIES }))
  },
  bottleneck: (fetch) => {
    const limiter = new Bottleneck({ maxConcurrent: AT_ONCE })
    limiter.on('failed', (_error, { retryCount }) =>
      Promise.resolve(retryCount < RETRIES ? 500 * 2 ** retryCount : undefined),
    )
    const get = strict(fetch)
    return (input) => limiter.schedule(() => get(input))
  },
  aplomb: (fetch) => aplomb({ fetch, log: false }),
}

const SHOWN = new Set([
  '40/s announced',
  '40/s silent',
  '5 at once announced',
  '5 at once silent',
  '60/s, 5 at once, 3 % fail',
  '40/s announced, 8 clients',
])

export interface Goodput {
  readonly mode: string
  readonly client: string
  /** Of what the API can give, times the part of the calls that was answered. */
  readonly goodput: number
  readonly sentPerAnswer: number
  readonly answered: number
}

const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN

/** On a clock that is turned by hand: the same for the same code. */
export const goodputs = async (seeds: readonly number[] = [1, 2, 3]): Promise<readonly Goodput[]> => {
  const found: Goodput[] = []
  for (const { name: mode, scenario } of MODES) {
    if (!SHOWN.has(mode)) continue
    for (const [client, make] of Object.entries(PEERS)) {
      const runs: Outcome[] = []
      for (const seed of seeds) runs.push(await simulate({ ...scenario, seed }, make))
      const calls = (one: (typeof runs)[number]): number => one.answered + one.failed
      found.push({
        mode,
        client,
        goodput: median(runs.map((one) => Math.min(1, one.leastMs / one.wallMs) * (one.answered / calls(one)))),
        sentPerAnswer: median(runs.map((one) => one.sentPerAnswer)),
        answered: median(runs.map((one) => one.answered / calls(one))),
      })
    }
  }
  return found
}
